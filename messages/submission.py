"""The submission door: take mail from applications that log in (RFC 6409), by SMTP."""

from django.conf import settings

from accounts.models import MEBIBYTE
from messages import certificates
from messages.desk import Desk
from messages.door import Listener
from messages.smtp.server import ServerConfig
from messages.submission_session import SubmissionSession


class SubmissionDoor:
    """The open ports of one process, and what its sessions share."""

    def __init__(self) -> None:
        self.listener = Listener(
            ServerConfig(
                hostname=settings.OPERATOR_HOST,
                max_size=10 * MEBIBYTE,
                max_line=None,  # acceptance brings them into a form that may leave
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
        self._desk = Desk()

    async def open(self, host: str, ports: list[int], tls_ports: list[int]) -> None:
        """Open ports for STARTTLS, and for TLS from the start. Raises OSError."""
        for port in ports:
            await self.listener.listen(self._session, host, port, tls=False)
        for port in tls_ports:
            await self.listener.listen(self._session, host, port, tls=True)

    def _session(self, tls: bool) -> SubmissionSession:
        return SubmissionSession(self.listener, self._desk, tls=tls)

    async def close(self) -> None:
        """Let messages that are on their way come in, then end."""
        await self.listener.close()
        await self._desk.close()
