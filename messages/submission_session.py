"""One client at the submission door: who it is, and the messages that it brings (RFC 6409)."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from messages import acceptance, door, metrics, policy, scanning
from messages.acceptance import Accepted, Submission
from messages.desk import Desk
from messages.door import DoorSession, Listener
from messages.idempotency import Claim, Replay
from messages.models import Door, Refusal
from messages.refusals import Cause, Refused
from messages.sender import Sender
from messages.smtp.replies import Reply
from messages.smtp.server import (
    Authenticate,
    Content,
    Data,
    Event,
    Mail,
    Malformed,
    Oversized,
    Rcpt,
    Unreadable,
)

logger = logging.getLogger(__name__)

SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
# Octets from which a content is checked in a thread: to look through it may take a second.
LARGE = 64 * 1024

NOTHING_SENT = Reply(554, "5.5.3", "Too many recipients; nothing was sent")
START_CONTENT = Reply(354, "", "End data with <CR><LF>.<CR><LF>")

# What cannot be read in a MAIL or RCPT, by the status of the reply; all else is a parameter.
UNREADABLE = {"5.1.7": Cause.INVALID_SENDER, "5.1.3": Cause.INVALID_RECIPIENT}

Envelope = tuple[str, list[str]]  # reverse-path and recipients, as far as they are known


class SubmissionSession(DoorSession):
    """Answers what the protocol leaves open, each refusal with a row that the customer sees."""

    def __init__(self, listener: Listener, desk: Desk, *, tls: bool) -> None:
        super().__init__(listener, tls=tls)
        self._desk = desk
        self._sender: Sender | None = None
        self._recipients: dict[str, str] = {}  # address: its domain as A-labels
        self._has_too_many = False
        self._work: asyncio.Task[None] | None = None

    def answer(self, event: Event) -> None:
        if isinstance(event, Authenticate) or (
            isinstance(event, Mail) and not self._desk.logins.knows(self._known_sender.username)
        ):
            # These have to ask the database.
            self._work = asyncio.create_task(self._answer_later(event))
            return
        try:
            self._answer_now(event)
        except Refused as refused:
            self._refuse(event, refused.cause, refused.reply)
        except Exception:
            logger.exception("The submission session failed")
            self.respond(door.OUR_FAULT)

    async def _answer_later(self, event: Authenticate | Mail) -> None:
        try:
            if isinstance(event, Authenticate):
                await self._log_in(event)
            else:
                await self._desk.logins.sender(self._known_sender.username)
                self._begin(event)
        except Refused as refused:
            self._refuse(event, refused.cause, refused.reply)
        except Exception:
            logger.exception("The submission session failed")
            self.respond(door.OUR_FAULT)

    async def _log_in(self, event: Authenticate) -> None:
        reply, sender = await self._desk.logins.log_in(event.username, event.password, self.address)
        if sender:
            self.is_stranger = False
            self._know(sender)
            policy.require_standing(sender)
        self.respond(reply)

    def _know(self, sender: Sender) -> None:
        self._sender = sender
        self._desk.note_use(sender, self.address, self.smtp.state.client_name)
        self.smtp.max_size = sender.max_message_size

    def _begin(self, event: Mail) -> None:
        self._recipients, self._has_too_many = {}, False
        # Long sessions see a revoked credential, a new domain or another limit too.
        sender = self._desk.logins.known(self._known_sender.username)
        if sender is None:
            raise Refused(Cause.CREDENTIAL_REVOKED, "The credential was revoked")
        self._know(sender)
        policy.require_standing(sender)
        policy.limit_backlog(sender)
        self._keep_pace(sender)
        policy.require_own_reverse_path(sender, event.reverse_path)
        self.respond(SENDER_OK)

    def _keep_pace(self, sender: Sender) -> None:
        rate = sender.messages_per_second
        if rate is not None and not self._desk.pace.allows(sender.account_id, rate):
            raise Refused(Cause.RATE_LIMIT, "Rate limit, slow down")

    def _answer_now(self, event: Event) -> None:
        match event:
            case Mail():
                self._begin(event)
            case Rcpt():
                self._add_recipient(event.forward_path)
            case Data():
                self._start_content()
            case Content():
                self._accept(event.data)
            case Oversized():
                raise policy.too_big(event.size_limit)
            case Malformed():
                self._refuse(event, Cause.MALFORMED, event.reply)
            case Unreadable():
                self._refuse(
                    event, UNREADABLE.get(event.reply.status, Cause.MALFORMED), event.reply
                )

    @property
    def _known_sender(self) -> Sender:
        assert self._sender  # the protocol lets nobody here without AUTH
        return self._sender

    def _add_recipient(self, address: str) -> None:
        domain = policy.recipient_domain(address)
        if self._is_known(address, domain):
            self.respond(RECIPIENT_OK)
        elif len(self._recipients) >= policy.MAX_RECIPIENTS:
            self._refuse_one_more(address)
        else:
            self._recipients[address] = domain
            self.respond(RECIPIENT_OK)

    def _refuse_one_more(self, address: str) -> None:
        refused = policy.too_many_recipients(may_split=self._known_sender.is_relay)
        if self._known_sender.is_relay or self._has_too_many:
            # The rest of a relay's come in the next transaction; of others one row tells enough.
            self.respond(refused.reply)
        else:
            self._has_too_many = True
            envelope = self.smtp.reverse_path or "", [*self._recipients, address]
            self._refuse_envelope(envelope, refused.cause, refused.reply)

    def _is_known(self, address: str, domain: str) -> bool:
        """Whether a mailbox was given before: local parts have case, domains have none."""
        local_part = address.rpartition("@")[0]
        return any(
            known.rpartition("@")[0] == local_part and its_domain == domain
            for known, its_domain in self._recipients.items()
        )

    def _start_content(self) -> None:
        if self._has_too_many:
            # A client that reports single refusals as success must not lose the excess unseen.
            self.respond(NOTHING_SENT)
        elif self.listener.held > door.MAX_HELD:
            self.respond(door.NO_ROOM)
        else:
            self.respond(START_CONTENT)

    def _accept(self, content: bytes) -> None:
        """Check the message, and say 250 when it is committed."""
        submission = Submission(
            sender=self._known_sender,
            door=Door.SMTP,
            reverse_path=self.smtp.reverse_path or "",
            recipients=self._recipients,
            content=content,
        )
        if len(content) > LARGE:
            self._work = asyncio.create_task(self._check_apart(submission))
        else:
            self._take(acceptance.check(submission))

    async def _check_apart(self, submission: Submission) -> None:
        """Check what takes long in a thread, so that other sessions go on."""
        with self._refusing():
            self._take(await asyncio.to_thread(acceptance.check, submission))

    def _take(self, accepted: Accepted) -> None:
        if self._desk.scanner or accepted.options.idempotency_key:
            self._work = asyncio.create_task(self._take_later(accepted))
        else:
            self._commit(accepted, None)

    async def _take_later(self, accepted: Accepted) -> None:
        """Ask the scanner, and the key: what was taken under it before is not taken again."""
        with self._refusing():
            if self._desk.scanner:
                accepted = await scanning.scanned(accepted, self._desk.scanner)
            claimed = None
            if accepted.options.idempotency_key:
                claimed = await self._desk.claim(accepted)
            if isinstance(claimed, Replay):
                self.respond(_queued(claimed.response["id"]))
            else:
                self._commit(accepted, claimed)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Answer what goes wrong with a content after its event was left."""
        try:
            yield
        except Refused as refused:
            self._refuse(Content(b""), refused.cause, refused.reply)
        except Exception:
            logger.exception("The submission session failed")
            self.respond(door.OUR_FAULT)

    def _commit(self, accepted: Accepted, claim: Claim | None) -> None:
        committed = self._desk.committer.put((accepted, claim))
        committed.add_done_callback(lambda future: self._committed(accepted, claim, future))

    def _committed(
        self, accepted: Accepted, claim: Claim | None, future: "asyncio.Future[None]"
    ) -> None:
        if future.exception():
            if claim:
                self._desk.release(claim)
            self.respond(door.OUR_FAULT)
        else:
            self.respond(_queued(accepted.id))

    def _refuse(self, event: Event, cause: Cause, reply: Reply) -> None:
        """Say no, and keep what was refused, for the customer to see."""
        self._refuse_envelope(self._envelope(event), cause, reply)

    def _envelope(self, event: Event) -> Envelope:
        """Return whom a refusal is about: a MAIL or RCPT is no part of the envelope yet."""
        match event:
            case Mail(path) | Unreadable("MAIL", path):
                return path, []
            case Oversized(_, path) if path:
                return path, []
            case Rcpt(path) | Unreadable("RCPT", path):
                return self.smtp.reverse_path or "", [path]
        return self.smtp.reverse_path or "", list(self._recipients)

    def _refuse_envelope(self, envelope: Envelope, cause: Cause, reply: Reply) -> None:
        sender = self._known_sender
        reverse_path, recipients = envelope
        recorded = self._desk.record(
            Refusal(
                account_id=sender.account_id,
                credential_id=sender.credential_id,
                door=Door.SMTP,
                client_address=self.address or None,
                reverse_path=reverse_path,
                recipients=recipients,
                cause=cause.slug,
                reply=str(reply),
            )
        )
        metrics.REFUSED.labels(Door.SMTP.value, cause.slug).inc()
        # Who makes us write waits for it, or a flood of refusals would fill our memory.
        recorded.add_done_callback(lambda _: self.respond(reply))


def _queued(message_id: object) -> Reply:
    # This form, to the byte: clients read the id out of it.
    return Reply(250, "", f"Thanks! Queued as: {message_id}")
