"""Clients that people really use hand a message in, each with our CA and its own idea of TLS."""

import json
import re
import smtplib
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import dkim
import dns.resolver
import pytest
from django.core.mail import EmailMessage, get_connection

from cloudmta.testing import House, eventually
from cloudmta.tests.programs import program

pytestmark = pytest.mark.xdist_group("house")

Send = Callable[[str, Path, bool], str | None]  # recipient, file, TLS from the start: the reply


class Sender:
    """One way of sending for each client; all verify our certificate."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.demo = house.demo
        self.alice = f"alice@{self.demo['sending_domain']}"

    def port(self, tls: bool) -> int:
        return self.house.smtps_port if tls else self.house.smtp_port

    def swaks(self, to: str, file: Path, tls: bool) -> str:
        # It ends what it reads from a file by a line end of its own.
        without_end = file.with_suffix(".swaks")
        without_end.write_bytes(file.read_bytes().removesuffix(b"\r\n"))
        printed = program(
            "swaks", "--server", "localhost", "--port", str(self.port(tls)),
            "--tls-on-connect" if tls else "--tls", "--tls-verify",
            "--tls-ca-path", self.demo["ca_file"], "--auth", "LOGIN",
            "--auth-user", self.demo["smtp_username"],
            "--auth-password", self.demo["smtp_password"],
            "--from", self.alice, "--to", to, "--data", f"@{without_end}",
        )  # fmt: skip
        return "\n".join(re.findall(r"<~  (250 Thanks.*)", printed))

    def curl(self, to: str, file: Path, tls: bool) -> str:
        program(
            "curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", self.demo["ca_file"],
            f"{'smtps' if tls else 'smtp'}://localhost:{self.port(tls)}/client.example",
            "--user", f"{self.demo['smtp_username']}:{self.demo['smtp_password']}",
            "--mail-from", self.alice, "--mail-rcpt", to, "--upload-file", str(file),
        )  # fmt: skip
        return ""

    def msmtp(self, to: str, file: Path, tls: bool) -> str:
        printed = program(
            "msmtp", "--debug", "--host=localhost", f"--port={self.port(tls)}", "--tls=on",
            f"--tls-starttls={'off' if tls else 'on'}",
            f"--tls-trust-file={self.demo['ca_file']}", "--auth=plain",
            f"--user={self.demo['smtp_username']}",
            f"--passwordeval=echo {self.demo['smtp_password']}",
            f"--from={self.alice}", "--set-from-header=off", "--set-date-header=off",
            "--", to, stdin=file.read_bytes().replace(b"\r\n", b"\n"),
        )  # fmt: skip
        return "\n".join(re.findall(r"<-- (250 Thanks.*)", printed))

    def smtplib(self, to: str, file: Path, tls: bool) -> str:
        make = smtplib.SMTP_SSL if tls else smtplib.SMTP
        context = {"context": self.house.trust} if tls else {}
        with make("localhost", self.port(tls), timeout=60, **context) as client:
            if not tls:
                client.starttls(context=self.house.trust)
            client.login(self.demo["smtp_username"], self.demo["smtp_password"])
            client.mail(self.alice)
            client.rcpt(to)
            code, text = client.data(file.read_bytes())
        return f"{code} {text.decode()}"


@pytest.fixture
def sender(house: House) -> Sender:
    return Sender(house)


@pytest.fixture
def letter(house: House, tmp_path: Path) -> Iterator[Path]:
    """A file with a message that has dots, trailing blanks and folds."""
    file = tmp_path / "letter.eml"
    file.write_bytes(
        (
            f"From: Alice <alice@{house.demo['sending_domain']}>\r\nTo: somebody@sim.test\r\n"
            f"Date: {formatdate()}\r\nMessage-ID: <own@client.example>\r\nSubject: a\r\n  fold\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "X-CloudMTA-Tags: client\r\n\r\n"
            "Greetings\r\n.\r\n..\r\n.dot \r\n\r\nthe end \t\r\n"
        ).encode()
    )
    yield file


def arrived(house: House, to: str) -> bytes:
    """Wait for the message of a recipient, and return its very bytes."""
    (captured,) = eventually(lambda: house.received(to))
    return house.content(captured)


def assert_arrived_as_sent(house: House, to: str, sent: bytes) -> bytes:
    """Return what arrived, which is what was sent, but for our two fields in front."""
    content = arrived(house, to)
    kept = re.sub(rb"(?mi)^x-cloudmta-[^\r]*\r\n", b"", sent)
    assert content.endswith(kept), content
    names = re.findall(rb"^([\w-]+):", content.removesuffix(kept), re.MULTILINE)
    assert names == [b"DKIM-Signature", b"Received"]
    assert is_signed(house, content)
    return content


def is_signed(house: House, content: bytes) -> bool:
    """Verify by dkimpy, with the key out of the DNS."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], house.dns_port

    def text(name: bytes, timeout: int = 5) -> bytes:
        (record,) = resolver.resolve(name.decode(), "TXT")
        return b"".join(record.strings)

    return bool(dkim.verify(content, dnsfunc=text))


@pytest.mark.parametrize("tls", [False, True], ids=["STARTTLS", "TLS"])
@pytest.mark.parametrize("client", ["swaks", "curl", "msmtp", "smtplib"])
def test_what_a_client_sends_arrives(house, sender, letter, client, tls):
    to = f"delivered+{client}{int(tls)}@sim.test"

    reply = getattr(sender, client)(to, letter, tls)

    assert reply.startswith("250 Thanks! Queued as: ") or client == "curl"  # which prints none
    assert_arrived_as_sent(house, to, letter.read_bytes())


@pytest.mark.parametrize("tls", [False, True], ids=["STARTTLS", "TLS"])
def test_what_nodemailer_sends_arrives(house, sender, letter, node, tls):
    to = f"delivered+nodemailer{int(tls)}@sim.test"
    facts = {
        "host": "localhost", "port": sender.port(tls), "secure": tls, "from": sender.alice,
        "to": to, "user": house.demo["smtp_username"], "pass": house.demo["smtp_password"],
        "ca": house.demo["ca_file"], "file": str(letter),
    }  # fmt: skip

    reply = node("send.js", json.dumps(facts))

    assert reply.startswith("250 Thanks! Queued as: ")
    content = assert_arrived_as_sent(house, to, letter.read_bytes())
    assert node("verify.js", f"127.0.0.1:{house.dns_port}", content) == '["pass"]\n'


@pytest.mark.parametrize("tls", [False, True], ids=["STARTTLS", "TLS"])
def test_what_django_sends_arrives(house, sender, monkeypatch, tls):
    to = f"delivered+django{int(tls)}@sim.test"
    monkeypatch.setenv("SSL_CERT_FILE", house.demo["ca_file"])
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend", host="localhost", port=sender.port(tls),
        username=house.demo["smtp_username"], password=house.demo["smtp_password"],
        use_tls=not tls, use_ssl=tls,
    )  # fmt: skip
    headers = {"Date": formatdate(), "Message-ID": "<django@client.example>"}
    message = EmailMessage(
        "Greetings", ".\nGreetings\n", sender.alice, [to], headers=headers, connection=connection
    )

    assert message.send() == 1

    assert_arrived_as_sent(house, to, message.message().as_bytes(linesep="\r\n"))


@pytest.mark.parametrize("field", ["To: x@y.test", "Subject: another", "From: <b@bobs.example>"])
def test_a_forged_field_breaks_the_signature(house, sender, letter, node, field):
    to = f"delivered+forged{len(field)}@sim.test"
    sender.smtplib(to, letter, tls=True)

    content = arrived(house, to)
    forged = field.encode() + b"\r\n" + content

    assert is_signed(house, content)
    assert not is_signed(house, forged)
    where = f"127.0.0.1:{house.dns_port}"
    assert node("verify.js", where, content) == '["pass"]\n'
    assert node("verify.js", where, forged) == '["fail"]\n'


@pytest.mark.parametrize("tls", [False, True], ids=["STARTTLS", "TLS"])
def test_who_does_not_know_our_ca_does_not_send(house, sender, letter, tls):
    with pytest.raises(AssertionError, match="(?i)certificate"):
        sender.demo = house.demo | {"ca_file": "/etc/ssl/certs/ca-certificates.crt"}
        sender.curl("delivered+untrusted@sim.test", letter, tls)
