"""Mail of the product itself: a backend for Django that hands it in like any customer's.

It needs no credential. It goes under the verified domain of its From address, ahead of all that is
not urgent, and the account of that domain sees what became of it. Neither test mode nor a
suspension of that account holds it back.
"""

import re
from collections.abc import Sequence
from email.utils import parseaddr

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from accounts.mail import NotSent
from accounts.message_class import MessageClass
from domains.addresses import AddressError, split_address
from domains.models import Domain
from events.doorbell import ring_soon
from messages import acceptance, policy
from messages.acceptance import Accepted, Submission
from messages.doorbell import BELLS
from messages.models import Door
from messages.options import Options
from messages.refusals import Refused
from messages.sender import Sender

LINE_END = re.compile(rb"\r?\n")
NOT_SET_UP = "the sender of this service is not set up ({why})."


class EmailBackend(BaseEmailBackend):
    """Accepts messages for delivery. Raises NotSent, with a sentence, where it cannot."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Take messages in, all or none, and return how many."""
        batch = [_accept(one) for one in email_messages if one.recipients()]
        acceptance.store(batch)
        transaction.on_commit(lambda: ring_soon([BELLS[MessageClass.PRIORITY]]))
        return len(batch)


def _accept(message: EmailMessage) -> Accepted:
    reverse_path = parseaddr(message.from_email)[1]
    sender = sender_under(reverse_path)
    letter = message.message()
    if "Auto-Submitted" not in letter:
        letter["Auto-Submitted"] = "auto-generated"  # so that no vacation answers (RFC 3834 §5)
    try:
        recipients = {one: policy.recipient_domain(one) for one in message.recipients()}
        return acceptance.check(
            Submission(
                sender=sender,
                door=Door.OWN,
                reverse_path=reverse_path,
                recipients=recipients,
                content=LINE_END.sub(b"\r\n", letter.as_bytes()),
                options=Options(message_class=MessageClass.PRIORITY),
            )
        )
    except Refused as refused:
        raise NotSent(f"it was refused ({refused.reply.text}).") from refused


def sender_under(reverse_path: str) -> Sender:
    """Return who sends for the product: the account in which the domain is verified.

    Raises NotSent where there is none.
    """
    try:
        name = split_address(reverse_path)[1]
    except AddressError as error:
        raise NotSent(NOT_SET_UP.format(why="MAIL_FROM is no address")) from error
    verified = Domain.objects.filter(name=name, verified_at__isnull=False)
    domain = verified.select_related("account").first()
    if domain is None:
        raise NotSent(NOT_SET_UP.format(why=f"{name} is not a verified domain"))
    return Sender(
        username="",
        secret_hashes=(),
        credential_id=None,
        account_id=domain.account.pk,
        account_public_id=domain.account.public_id,
        max_message_size=domain.account.max_message_size,
        domains=frozenset({name}),
    )
