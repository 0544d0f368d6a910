"""Clients that people really use, each of which says what it makes of our answer to one letter."""

import json
import shutil
import smtplib
import subprocess
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage as PythonMessage
from pathlib import Path

import pytest
from django.core.mail import EmailMessage, get_connection

from cloudmta.testing import House

CLIENTS = Path(__file__).parent / "clients"


@dataclass
class Letter:
    """A letter as an application would write it; empty fields are filled in for the house."""

    to: list[str]
    port: int = 0
    ca: str = ""
    user: str = ""
    password: str = ""
    envelope_from: str = ""
    subject: str = "Your order"
    body: str = "It has left our house.\n"
    headers: list[tuple[str, str]] = field(default_factory=list)
    attachment: str = ""
    from_: str = ""
    tls: bool = True  # STARTTLS
    log_in: bool = True

    def for_house(self, house: House) -> "Letter":
        alice = f"alice@{house.demo['sending_domain']}"
        self.port, self.ca = house.smtp_port, house.demo["ca_file"]
        self.user = self.user or house.demo["smtp_username"]
        self.password = self.password or house.demo["smtp_password"]
        self.envelope_from = self.envelope_from or alice
        self.from_ = self.from_ or alice
        return self

    def as_json(self) -> bytes:
        facts = asdict(self)
        return json.dumps(facts | {"from": facts["from_"]}).encode()

    def as_bytes(self) -> bytes:
        message = PythonMessage()
        message["From"], message["To"] = self.from_, ", ".join(self.to)
        message["Subject"] = self.subject
        for name, value in self.headers:
            message[name] = value
        message.set_content(self.body)
        if self.attachment:
            message.add_attachment(
                b"MZ", maintype="application", subtype="octet-stream", filename=self.attachment
            )
        return message.as_bytes()


@dataclass
class Told:
    """What a client makes of it."""

    is_sent: bool
    text: str


def swaks(letter: Letter) -> Told:
    tls = ["--tls", "--tls-verify", "--tls-ca-path", letter.ca] if letter.tls else []
    login = ["--auth-user", letter.user, "--auth-password", letter.password]
    return told_by(
        "swaks", "--server", "localhost", "--port", str(letter.port), *tls,
        *(["--auth", "PLAIN", *login] if letter.log_in else []),
        "--from", letter.envelope_from, "--to", ",".join(letter.to), "--data", "-",
        stdin=letter.as_bytes(),
    )  # fmt: skip


def curl(letter: Letter) -> Told:
    recipients = [word for to in letter.to for word in ("--mail-rcpt", to)]
    login = ["--user", f"{letter.user}:{letter.password}"] if letter.log_in else []
    tls = ["--ssl-reqd", "--cacert", letter.ca] if letter.tls else []
    return told_by(
        "curl", "--verbose", *tls, f"smtp://localhost:{letter.port}/client.example", *login,
        "--mail-from", letter.envelope_from, *recipients, "--crlf", "--upload-file", "-",
        stdin=letter.as_bytes(),
    )  # fmt: skip


def msmtp(letter: Letter) -> Told:
    tls = ["--tls=on", "--tls-starttls=on", f"--tls-trust-file={letter.ca}"]
    login = ["--auth=plain", f"--user={letter.user}", f"--passwordeval=echo {letter.password}"]
    return told_by(
        "msmtp", "--host=localhost", f"--port={letter.port}",
        *(tls if letter.tls else ["--tls=off"]), *(login if letter.log_in else ["--auth=off"]),
        f"--from={letter.envelope_from}", "--", *letter.to, stdin=letter.as_bytes(),
    )  # fmt: skip


def php(letter: Letter) -> Told:
    if not Path("/usr/share/php/libphp-phpmailer").exists():
        pytest.skip("PHPMailer is not installed")
    return _printed_by("php", str(CLIENTS / "refused.php"), letter)


def ruby(letter: Letter) -> Told:
    if not Path("/usr/lib/ruby/vendor_ruby/mail.rb").exists():
        pytest.skip("Ruby's mail is not installed")
    return _printed_by("ruby", str(CLIENTS / "refused.rb"), letter)


def _printed_by(interpreter: str, script: str, letter: Letter) -> Told:
    return Told(**json.loads(told_by(interpreter, script, stdin=letter.as_json()).text))


def told_by(*argv: str, stdin: bytes) -> Told:
    """Return how a program ended, and all that it printed."""
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed")
    done = subprocess.run(argv, input=stdin, capture_output=True, check=False, timeout=60)
    return Told(done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace"))


class Ready:
    """A message that is written already."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def as_bytes(self, linesep: str = "\n") -> bytes:
        return self._octets.replace(b"\n", linesep.encode())


class ReadyEmail(EmailMessage):
    octets = b""

    def message(self) -> Ready:
        return Ready(self.octets)


def django(letter: Letter, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setenv("SSL_CERT_FILE", letter.ca)
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend", host="localhost", port=letter.port,
        username=letter.user if letter.log_in else "", use_tls=letter.tls,
        password=letter.password if letter.log_in else "",
    )  # fmt: skip
    message = ReadyEmail("", "", letter.envelope_from, letter.to, connection=connection)
    message.octets = letter.as_bytes()
    try:
        return Told(message.send() == 1, "")
    except smtplib.SMTPException as error:
        text = f"{type(error).__name__}: {error}"
        return Told(False, text.replace(", b'", " ").replace(', b"', " "))
    finally:
        connection.close()
