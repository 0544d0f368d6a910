"""The copy that leaves: signed, and ready for the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.vault import KeyUnreadable
from domains.signing import Identity, Keyring
from messages import bounce_address, header, queue
from messages.header import HeaderError
from messages.queue import Claimed
from messages.smtp.client import Letter, Transaction


class Unsendable(Exception):
    """The message must not leave as it is; the text says why, and staff can mend it."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What a claimed recipient is sent: a transaction, or the reason why there is none."""

    claimed: Claimed
    transaction: Transaction | None
    problem: str


def compose_all(claimed: Sequence[Claimed], keyring: Keyring) -> list[Composed]:
    """Make the transactions of a batch: each content is read, signed and dot-stuffed once."""
    contents = queue.contents(list({one.message_id for one in claimed}))
    letters: dict[UUID, tuple[Letter, Identity] | Unsendable] = {}
    composed = []
    for one in claimed:
        if one.message_id not in letters:
            letters[one.message_id] = _letter(one, contents, keyring)
        letter = letters[one.message_id]
        if isinstance(letter, Unsendable):
            composed.append(Composed(one, None, str(letter)))
        else:
            composed.append(Composed(one, _transaction(one, *letter), ""))
    return composed


def _letter(
    one: Claimed, contents: Mapping[UUID, bytes], keyring: Keyring
) -> tuple[Letter, Identity] | Unsendable:
    try:
        identity = keyring.identity(one.account_id, one.sender_domain)
        if identity is None:
            return Unsendable(
                f"The domain {one.sender_domain} has no signing key, or is not verified"
            )
        content = contents.get(one.message_id)
        if content is None:
            return Unsendable("The content of the message is gone")
        return Letter.of(sign(content, identity, one)), identity
    except KeyUnreadable:
        return Unsendable(
            f"The signing key of {one.sender_domain} cannot be opened: see MASTER_KEYS"
        )
    except (HeaderError, ValueError) as error:
        return Unsendable(f"The stored content is damaged: {error}")


def sign(content: bytes, identity: Identity, one: Claimed) -> bytes:
    """Put a signature in front of a content.

    It bears the time of acceptance, so that every attempt sends the very same bytes, by which
    receivers know a second copy (RFC 1047).
    """
    fields, body = header.split(content)
    timestamp = int(one.accepted_at.timestamp())
    return (
        identity.signer.sign([field.raw for field in fields], body, timestamp=timestamp) + content
    )


def _transaction(one: Claimed, letter: Letter, identity: Identity) -> Transaction:
    # The domain in A-labels; a local part beyond ASCII needs SMTPUTF8 all the same.
    local_part = one.address.rpartition("@")[0]
    return Transaction(
        reverse_path=bounce_address.of(one.id, identity.mta_domain),
        recipient=f"{local_part}@{one.domain}",
        letter=letter,
    )
