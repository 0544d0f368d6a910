"""The submission door: take mail from applications that log in (RFC 6409), by SMTP."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection

from accounts.models import MEBIBYTE
from messages import acceptance, certificates, door, policy
from messages.acceptance import Accepted, Submission
from messages.door import DoorSession, Listener
from messages.doorbell import Ringer
from messages.group_commit import GroupCommit
from messages.login import Logins
from messages.models import Door, Refusal
from messages.policy import Refused
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
    ServerConfig,
)

logger = logging.getLogger(__name__)

# Seconds that acceptance gathers longer under load; each client waits for its answer.
GATHER = 0.008

SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
START_CONTENT = Reply(354, "", "End data with <CR><LF>.<CR><LF>")


class SubmissionDoor:
    """What all submission sessions of one process share."""

    def __init__(self) -> None:
        self.listener = Listener(
            ServerConfig(
                hostname=settings.OPERATOR_HOST,
                max_size=10 * MEBIBYTE,
                starttls=True,
                require_tls=not settings.SUBMISSION_AUTH_IN_CLEAR,
                auth=True,
                auth_in_clear=settings.SUBMISSION_AUTH_IN_CLEAR,
                require_auth=True,
                # A refused MAIL with twenty recipients pipelined behind it makes as many errors.
                max_errors=50,
            ),
            certificates.server_context(),
        )
        self.logins = Logins()
        self.committer: GroupCommit[Accepted] = GroupCommit(self._store, "commit", GATHER)
        self._ringer = Ringer()
        self._refusals = ThreadPoolExecutor(1, "refusals")

    async def open(self, host: str, ports: list[int], tls_ports: list[int]) -> None:
        """Open ports for STARTTLS, and for TLS from the start. Raises OSError."""
        for port in ports:
            await self.listener.listen(self._session, host, port, tls=False)
        for port in tls_ports:
            await self.listener.listen(self._session, host, port, tls=True)

    def _session(self, tls: bool) -> "SubmissionSession":
        return SubmissionSession(self, tls=tls)

    async def close(self) -> None:
        """Let messages that are on their way come in, then end."""
        await self.listener.close()
        await asyncio.to_thread(self.committer.close)
        self.logins.close()
        self._refusals.submit(connection.close)
        self._refusals.shutdown()

    def _store(self, batch: list[Accepted]) -> None:
        acceptance.store(batch)
        self._ringer.ring_soon({one.message_class for one in batch})

    def record(self, refusal: Refusal) -> None:
        """Keep a refusal for the customer to see; nobody waits for that."""
        self._refusals.submit(_save, refusal)


def _save(refusal: Refusal) -> None:
    try:
        try:
            refusal.save()
        except (OperationalError, InterfaceError):
            connection.close()  # it may be dead since long ago: once more by a new one
            refusal.save()
    except Error as error:
        logger.error("A refusal could not be written (%s): %s", refusal, error)
        connection.close()


class SubmissionSession(DoorSession):
    """One client: who it is, and the message that it brings."""

    def __init__(self, door: SubmissionDoor, *, tls: bool) -> None:
        super().__init__(door.listener, tls=tls)
        self._door = door
        self._sender: Sender | None = None
        self._recipients: dict[str, str] = {}  # address: its domain as A-labels
        self._has_too_many = False
        self._work: asyncio.Task[None] | None = None

    def answer(self, event: Event) -> None:
        if isinstance(event, Authenticate) or (
            isinstance(event, Mail) and not self._door.logins.knows(self._known_sender.username)
        ):
            # These have to ask the database.
            self._work = asyncio.create_task(self._answer_later(event))
            return
        try:
            self._answer_now(event)
        except Refused as refused:
            self._refuse(event, refused.reply)
        except Exception:
            logger.exception("The submission session failed")
            self.respond(door.OUR_FAULT)

    async def _answer_later(self, event: Authenticate | Mail) -> None:
        try:
            if isinstance(event, Authenticate):
                await self._log_in(event)
            else:
                await self._door.logins.sender(self._known_sender.username)
                self._begin(event)
        except Refused as refused:
            self._refuse(event, refused.reply)
        except Exception:
            logger.exception("The submission session failed")
            self.respond(door.OUR_FAULT)

    async def _log_in(self, event: Authenticate) -> None:
        reply, sender = await self._door.logins.log_in(event.username, event.password, self.address)
        if sender:
            self.is_stranger = False
            self._know(sender)
        self.respond(reply)

    def _know(self, sender: Sender) -> None:
        self._sender = sender
        self.smtp.max_size = sender.max_message_size

    def _begin(self, event: Mail) -> None:
        self._recipients, self._has_too_many = {}, False
        # Long sessions see a revoked credential, a new domain or another limit too.
        sender = self._door.logins.known(self._known_sender.username)
        if sender is None:
            raise Refused(535, "5.7.8", "The credential was revoked")
        self._know(sender)
        policy.require_own_reverse_path(sender, event.reverse_path)
        self.respond(SENDER_OK)

    def _answer_now(self, event: Event) -> None:
        match event:
            case Mail():
                self._begin(event)
            case Rcpt():
                self._add_recipient(event.forward_path)
            case Data():
                self._start_content(event)
            case Content():
                self._accept(event.data)
            case Oversized():
                raise policy.too_big(event.size_limit)
            case Malformed():
                self._refuse(event, event.reply)

    @property
    def _known_sender(self) -> Sender:
        assert self._sender  # the protocol lets nobody here without AUTH
        return self._sender

    def _add_recipient(self, address: str) -> None:
        domain = policy.recipient_domain(address)
        if self._is_known(address, domain):
            self.respond(RECIPIENT_OK)
        elif len(self._recipients) >= policy.MAX_RECIPIENTS:
            self._has_too_many = True
            self.respond(policy.TOO_MANY_RECIPIENTS)
        else:
            self._recipients[address] = domain
            self.respond(RECIPIENT_OK)

    def _is_known(self, address: str, domain: str) -> bool:
        """Whether a mailbox was given before: local parts have case, domains have none."""
        local_part = address.rpartition("@")[0]
        return any(
            known.rpartition("@")[0] == local_part and its_domain == domain
            for known, its_domain in self._recipients.items()
        )

    def _start_content(self, event: Data) -> None:
        if self._has_too_many:
            # A client that reports single refusals as success must not lose the excess unseen.
            self._refuse(event, policy.NOTHING_SENT)
        elif self.listener.held > door.MAX_HELD:
            self.respond(door.NO_ROOM)
        else:
            self.respond(START_CONTENT)

    def _accept(self, content: bytes) -> None:
        """Check the message, and say 250 when it is committed."""
        accepted = acceptance.check(
            Submission(
                sender=self._known_sender,
                door=Door.SMTP,
                reverse_path=self.smtp.reverse_path or "",
                recipients=self._recipients,
                content=content,
            )
        )
        committed = self._door.committer.put(accepted)
        committed.add_done_callback(lambda future: self._committed(accepted, future))

    def _committed(self, accepted: Accepted, future: "asyncio.Future[None]") -> None:
        if future.exception():
            self.respond(door.OUR_FAULT)
        else:
            # This form, to the byte: clients read the id out of it.
            self.respond(Reply(250, "", f"Thanks! Queued as: {accepted.id}"))

    def _refuse(self, event: Event, reply: Reply) -> None:
        """Say no, and keep what was refused: a MAIL or RCPT is no part of the envelope yet."""
        sender = self._known_sender
        reverse_path, recipients = self.smtp.reverse_path or "", list(self._recipients)
        if isinstance(event, Mail):
            reverse_path = event.reverse_path
        elif isinstance(event, Rcpt):
            recipients = [event.forward_path]
        self._door.record(
            Refusal(
                account_id=sender.account_id,
                credential_id=sender.credential_id,
                door=Door.SMTP,
                client_address=self.address or None,
                reverse_path=reverse_path,
                recipients=recipients,
                reply=str(reply),
            )
        )
        self.respond(reply)
