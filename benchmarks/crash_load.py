"""Clients of the crash test: they submit by both doors, and try again what was not answered."""

import contextlib
import http.client
import itertools
import json
import smtplib
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CLASSES = ("standard", "priority", "digest")
# Of so many messages one goes to an address that answers with a report, which the bounce door
# takes; and one to a server that gives each reply late, so that attempts are cut off in each phase.
REPORT_EVERY, SLOW_EVERY = 50, 40
# Seconds until a client takes a door for dead, and until it tries again.
TIMEOUT, AGAIN_AFTER = 30, 0.25
# Seconds after which a client gives a message up. A key whose door died is held for 120 of them.
PATIENCE = 240


@dataclass(slots=True)
class Submission:
    """One message of a client, from the first try to the answer."""

    number: int
    cycle: int  # in which it was first tried
    door: str
    recipient: str
    message_class: str
    tries: int = 0
    id: str = ""  # "": no answer yet
    answered_at: float = 0.0  # seconds since the epoch


@dataclass
class Load:
    """All clients together, and everything they have submitted."""

    facts: dict[str, Any]
    rate: float  # messages a second, of all clients together
    smtp_clients: int = 4
    rest_clients: int = 2
    cycle: int = 0
    submissions: list[Submission] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)  # why a try came to nothing

    def __post_init__(self) -> None:
        self._numbers = itertools.count()
        self._stopped = threading.Event()
        clients = [
            *(SmtpClient(self.facts) for _ in range(self.smtp_clients)),
            *(RestClient(self.facts) for _ in range(self.rest_clients)),
        ]
        self._pause = len(clients) / self.rate
        self._threads = [
            threading.Thread(target=self._run, args=(client,), daemon=True) for client in clients
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Submit meanwhile; at the end wait for the answer to what was begun."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in self._threads:
                thread.join(PATIENCE + 2 * TIMEOUT)

    @property
    def answered(self) -> int:
        return sum(bool(one.id) for one in self.submissions)

    def _run(self, client: "SmtpClient | RestClient") -> None:
        while not self._stopped.wait(self._pause):
            self._submit(client)
        client.close()

    def _submit(self, client: "SmtpClient | RestClient") -> None:
        """Submit one message, and try again until it is answered."""
        number = next(self._numbers)
        one = Submission(
            number, self.cycle, client.door, recipient(number), CLASSES[number % len(CLASSES)]
        )
        self.submissions.append(one)
        deadline = time.monotonic() + PATIENCE
        while not one.id and time.monotonic() < deadline:
            one.tries += 1
            try:
                one.id = client.submit(one)
                one.answered_at = time.time()
            except (OSError, smtplib.SMTPException, http.client.HTTPException) as error:
                self.failures[f"{client.door}: {why(error)}"] += 1
                client.close()
                time.sleep(AGAIN_AFTER)


def recipient(number: int) -> str:
    """Return an address that nothing else is sent to."""
    local_part = "delivered"
    if number % REPORT_EVERY == REPORT_EVERY - 1:
        local_part = "late-bounce"
    elif number % SLOW_EVERY == SLOW_EVERY - 1:
        local_part = "slow"
    return f"{local_part}+{number}@sim.test"


def why(error: Exception) -> str:
    """Say in a few words why a try failed."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return f"{error.smtp_code} {said}"
    return str(error) or type(error).__name__


class SmtpClient:
    """A client without keys: what was committed and not answered, it submits a second time."""

    door = "smtp"

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self._trust = ssl.create_default_context(cafile=facts["ca_file"])
        self._connection: smtplib.SMTP | None = None

    def submit(self, one: Submission) -> str:
        """Return the id out of the reply to the final dot. Raises what smtplib raises."""
        connection = self._connection or self._connected()
        sender = f"crashes@{self._facts['sending_domain']}"
        for code, text in (
            connection.mail(sender),
            connection.rcpt(one.recipient),
            connection.data(
                f"From: {sender}\r\nTo: {one.recipient}\r\nSubject: {one.number}\r\n"
                f"X-CloudMTA-Class: {one.message_class}\r\n\r\nIt works.\r\n"
            ),
        ):
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)
        return text.decode().rpartition(" ")[2]

    def _connected(self) -> smtplib.SMTP:
        facts = self._facts
        connection = smtplib.SMTP(facts["smtp_host"], facts["smtp_port"], timeout=TIMEOUT)
        self._connection = connection
        connection.starttls(context=self._trust)
        connection.login(facts["smtp_username"], facts["smtp_password"])
        return connection

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


class RestClient:
    """A client with keys: however often it tries, there must be one message."""

    door = "rest"

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        host, port = facts["dashboard_url"].rstrip("/").rpartition("/")[2].split(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT)
        self._path = f"/api/v0.1/{facts['smtp_username']}/messages"

    def submit(self, one: Submission) -> str:
        """Return the id out of the answer. Raises OSError or HTTPException."""
        message = {
            "from": f"crashes@{self._facts['sending_domain']}",
            "to": one.recipient,
            "subject": str(one.number),
            "plain": "It works.",
            "priority": one.message_class,
        }
        headers = {
            "Authorization": f"Bearer {self._facts['smtp_password']}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"crashes-{one.number}",
        }
        self._connection.request("POST", self._path, json.dumps(message), headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.client.ACCEPTED:
            raise http.client.HTTPException(f"{response.status} {body[:200]!r}")
        return str(json.loads(body)["id"])

    def close(self) -> None:
        self._connection.close()
