"""The copy that leaves: tracked if that is asked for, signed, and ready for the wire."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.vault import KeyUnreadable
from domains.keys import KeyUnfit
from domains.signing import Identity, Keyring
from events.reasons import Reason
from messages import bounce_address, header, queue
from messages.header import HeaderError
from messages.outcomes import OUR_ERROR
from messages.queue import Claimed
from messages.smtp.client import Letter, Transaction
from messages.tracked.copies import Original

logger = logging.getLogger(__name__)


class Unsendable(Exception):
    """The message must not leave as it is; the text says why.

    With a `reason` only its sender can mend that, and is told it in the end; else staff can.
    """

    def __init__(self, text: str, reason: Reason | None = None) -> None:
        self.reason = reason
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Composed:
    """What a claimed recipient is sent: a transaction, or why there is none."""

    claimed: Claimed
    transaction: Transaction | None
    problem: Unsendable | None = None


def compose_all(claimed: Sequence[Claimed], keyring: Keyring) -> list[Composed]:
    """Make the transactions of a batch: each content is read, signed and dot-stuffed once.

    Of a message that is tracked each recipient gets a copy of his own, signed by itself.
    """
    copies = Copies(queue.contents(list({one.message_id for one in claimed})))
    letters: dict[tuple[UUID, int], tuple[Letter, Identity] | Unsendable] = {}
    composed = []
    for one in claimed:
        known_as = (one.message_id, one.id if one.has_own_copy else 0)
        if known_as not in letters:
            letters[known_as] = _letter(one, copies, keyring)
        letter = letters[known_as]
        if isinstance(letter, Unsendable):
            composed.append(Composed(one, None, letter))
        else:
            composed.append(Composed(one, _transaction(one, *letter)))
    return composed


class Copies:
    """The contents of a batch, and the copies that are made of them."""

    def __init__(self, contents: Mapping[UUID, bytes]) -> None:
        self._contents = contents
        self._originals: dict[UUID, Original] = {}

    def of(self, one: Claimed) -> bytes | None:
        """Return what a recipient is sent, but for the signature; None where it is gone.

        Raises HeaderError.
        """
        content = self._contents.get(one.message_id)
        if content is None or not one.has_own_copy:
            return content
        if one.message_id not in self._originals:
            self._originals[one.message_id] = Original(
                content,
                opens=one.track_opens,
                clicks=one.track_clicks,
                unsubscribe=one.offers_unsubscribe,
            )
        return self._originals[one.message_id].copy(one.id)


def _letter(one: Claimed, copies: Copies, keyring: Keyring) -> tuple[Letter, Identity] | Unsendable:
    try:
        identity = keyring.identity(one.account_id, one.sender_domain)
        if identity is None:
            return Unsendable(
                f"The domain {one.sender_domain} is not verified any more", Reason.DOMAIN_UNVERIFIED
            )
        content = copies.of(one)
        if content is None:
            return Unsendable("The content of the message is gone")
        return Letter.of(sign(content, identity, one.accepted_at)), identity
    except KeyUnreadable:
        return Unsendable(
            f"The signing key of {one.sender_domain} cannot be opened: see MASTER_KEYS"
        )
    except KeyUnfit as error:
        return Unsendable(f"The domain {one.sender_domain} cannot sign: {error}")
    except (HeaderError, ValueError) as error:
        return Unsendable(f"The stored content is damaged: {error}")
    except Exception:
        # One message that we cannot handle must not take all of its batch with it, again and again.
        logger.exception("Message %s cannot be made ready", one.message_id)
        return Unsendable(OUR_ERROR)


def sign(content: bytes, identity: Identity, accepted_at: datetime) -> bytes:
    """Put the signatures of an identity in front of a content. Raises HeaderError."""
    fields, body = header.split(content)
    return identity.sign([field.raw for field in fields], body, accepted_at) + content


def _transaction(one: Claimed, letter: Letter, identity: Identity) -> Transaction:
    # The domain in A-labels; a local part beyond ASCII needs SMTPUTF8 all the same.
    local_part = one.address.rpartition("@")[0]
    return Transaction(
        reverse_path=bounce_address.of(one.id, identity.mta_domain),
        recipient=f"{local_part}@{one.domain}",
        letter=letter,
    )
