"""Speak to the submission door octet by octet, as no mail library would, and look at its books."""

import hashlib
import socket
import ssl
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cloudmta.demo import DOMAIN
from cloudmta.testing import House, eventually

ALICE = f"alice@{DOMAIN}"
QUEUED = r"250 Thanks! Queued as: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"


class Client:
    """One connection: says lines or octets, and reads replies. `tls`: from the start."""

    def __init__(self, house: House, *, tls: bool = False, source: str = "127.0.0.1") -> None:
        port = house.smtps_port if tls else house.smtp_port
        # Linux lets us be many; elsewhere all of loopback is one.
        source = source if sys.platform == "linux" else "127.0.0.1"
        self._house = house
        self.socket = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
        if tls:
            self._secure()
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()
        self.socket.close()

    def read(self) -> str:
        """Return one reply, its lines as they came; nothing at the end of the connection."""
        lines = []
        while line := self._line():
            lines.append(line)
            if line[3:4] != b"-":
                break
        return b"".join(lines).decode().removesuffix("\r\n")

    def _line(self) -> bytes:
        try:
            return self._reader.readline()
        except (ConnectionError, ssl.SSLError):
            return b""  # the end, whatever way

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def say(self, *lines: str) -> str:
        """Send lines, each after the reply to the one before, and return the last reply."""
        reply = ""
        for line in lines:
            self.send(line.encode() + b"\r\n")
            reply = self.read()
        return reply

    def start_tls(self) -> None:
        assert self.say("STARTTLS").startswith("220 ")
        self._reader.close()
        self._secure()
        self._reader = self.socket.makefile("rb")

    def _secure(self) -> None:
        self.socket = self._house.trust.wrap_socket(self.socket, server_hostname="localhost")

    def log_in(self, username: str = "", password: str = "") -> str:
        username = username or self._house.demo["smtp_username"]
        password = password or self._house.demo["smtp_password"]
        return self.say(f"AUTH PLAIN {plain(username, password)}")

    def begin(self, *to: str, sender: str = ALICE) -> str:
        """Go as far as the content may be sent, and return the last reply."""
        return self.say(f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in to), "DATA")

    def submit(self, content: bytes, *to: str, sender: str = ALICE) -> str:
        """Hand in a content, dots and all as it stands, and return the reply to the last dot."""
        asked = self.begin(*(to or ("delivered@sim.test",)), sender=sender)
        assert asked == "354 End data with <CR><LF>.<CR><LF>", asked
        self.send(content + b".\r\n")
        return self.read()


def plain(username: str, password: str) -> str:
    return b64encode(f"\0{username}\0{password}".encode()).decode()


@contextmanager
def guest(house: House, *, tls: bool = False, source: str = "127.0.0.1") -> Iterator[Client]:
    """A client whom TLS secures, and who has said no more than EHLO."""
    with Client(house, tls=tls, source=source) as client:
        client.read()
        client.say("EHLO client.example")
        if not tls:
            client.start_tls()
            client.say("EHLO client.example")
        yield client


@contextmanager
def alice(house: House, *, tls: bool = False) -> Iterator[Client]:
    """A client that has logged in with Alice's credential."""
    with guest(house, tls=tls) as client:
        assert client.log_in() == "235 2.7.0 Authentication successful"
        yield client


def content(*fields: str, body: str = "It works.\r\n", sender: str = ALICE) -> bytes:
    """Return a small message with these fields behind its From."""
    lines = [f"From: <{sender}>" if sender else "", *fields]
    return "".join(f"{line}\r\n" for line in lines if line).encode() + b"\r\n" + body.encode()


@dataclass
class Books:
    """What the database knew when a test began, and what is new since."""

    house: House
    messages: int
    refusal: int

    def new_messages(self) -> int:
        return int(self.house.sql("SELECT count(*) FROM mail_message")[0][0]) - self.messages

    def new_refusals(self, count: int = 1) -> list[tuple[Any, ...]]:
        """Wait for refusals, and return reply, reverse path and recipients of each."""

        def look() -> list[tuple[Any, ...]]:
            return self.house.sql(
                "SELECT reply, reverse_path, recipients FROM mail_refusal WHERE id > %s"
                " ORDER BY id",
                self.refusal,
            )

        return eventually(lambda: rows if len(rows := look()) >= count else [])


def open_books(house: House) -> Books:
    ((messages, refusal),) = house.sql(
        "SELECT (SELECT count(*) FROM mail_message),"
        " (SELECT coalesce(max(id), 0) FROM mail_refusal)"
    )
    return Books(house, messages, refusal)


def stored(house: House, reply: str) -> bytes:
    """Return the content that leaves, by the reply that promised it."""
    ((data,),) = house.sql("SELECT data FROM mail_content WHERE message_id = %s", queued_id(reply))
    return bytes(data)


def queued_id(reply: str) -> str:
    assert reply.startswith("250 Thanks! Queued as: "), reply
    return reply.removeprefix("250 Thanks! Queued as: ")


def make_credential(house: House, username: str, secret: str, *, revoked: bool = False) -> None:
    house.sql(
        "INSERT INTO accounts_credential (account_id, username, secret_hash, name, created_at,"
        " revoked_at) SELECT account_id, %s, %s, 'Test', now(), CASE WHEN %s THEN now() END"
        " FROM accounts_credential WHERE username = %s",
        username,
        hashlib.sha256(secret.encode()).hexdigest(),
        revoked,
        house.demo["smtp_username"],
    )


def make_domain(house: House, name: str, *, owner: str, verified: bool) -> None:
    """Make a domain and its account; the owner "Demo" is there already, and is Alice."""
    house.sql(
        "INSERT INTO accounts_account (public_id, name, max_message_size, created_at)"
        " SELECT left(md5(%s), 16), %s, 10485760, now()"
        " WHERE NOT EXISTS (SELECT FROM accounts_account WHERE name = %s)",
        owner, owner, owner,
    )  # fmt: skip
    house.sql(
        "INSERT INTO domains_domain"
        " (account_id, public_id, name, mta_label, verified_at, created_at)"
        " SELECT id, left(md5(random()::text), 16), %s, 'mta', CASE WHEN %s THEN now() END, now()"
        " FROM accounts_account"
        " WHERE name = %s ON CONFLICT (name) DO NOTHING",
        name, verified, owner,
    )  # fmt: skip


def make_account_with_credential(house: House, username: str, **fields: object) -> None:
    """Make an account with these columns and a credential, whose secret is "secret"."""
    house.sql(
        "WITH account AS (INSERT INTO accounts_account"
        " (public_id, name, max_message_size, created_at)"
        " VALUES (%s, %s, 10485760, now()) RETURNING id)"
        " INSERT INTO accounts_credential (account_id, username, secret_hash, name, created_at)"
        " SELECT id, %s, %s, 'Test', now() FROM account",
        username, username, username, hashlib.sha256(b"secret").hexdigest(),
    )  # fmt: skip
    for name, value in fields.items():
        house.sql(f"UPDATE accounts_account SET {name} = %s WHERE public_id = %s", value, username)
