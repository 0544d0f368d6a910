"""What real clients tell their users when we refuse: never success, and always our own words."""

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

pytestmark = pytest.mark.xdist_group("house")

CLIENTS = Path(__file__).parent / "clients"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
FOREIGN = "alice@somebody-else.example"


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
    headers: dict[str, str] = field(default_factory=dict)
    attachment: str = ""
    from_: str = ""

    def for_house(self, house: House) -> "Letter":
        alice = f"alice@{house.demo['sending_domain']}"
        self.port, self.ca = house.smtp_port, house.demo["ca_file"]
        self.user = house.demo["smtp_username"]
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
        for name, value in self.headers.items():
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


CASES = {
    "a sender domain that is not verified": (
        Letter(["r1@sim.test"], envelope_from=FOREIGN, from_=FOREIGN),
        "550 5.7.1 Sender domain somebody-else.example is not verified",
    ),
    "a header From of somebody else": (
        Letter(["r2@sim.test"], from_=FOREIGN),
        "550 5.7.1 Sender domain somebody-else.example is not verified",
    ),
    "a wrong password": (
        Letter(["r3@sim.test"], password="wrong"),
        "535 5.7.8 Authentication credentials invalid",
    ),
    "25 recipients": (
        Letter([f"r4-{number}@sim.test" for number in range(25)]),
        "5.5.3 Too many recipients",
    ),
    "a forbidden attachment": (
        Letter(["r5@sim.test"], attachment="invoice.exe"),
        "554 5.7.0 Attachment type not permitted: invoice.exe",
    ),
    "spam": (Letter(["r6@sim.test"], body=GTUBE + "\n"), "554 5.7.1 Message refused: content"),
    "an unknown class": (
        Letter(["r7@sim.test"], headers={"x-cloudmta-class": "urgent"}),
        "554 5.6.0 x-cloudmta-class must be one of priority, standard, digest",
    ),
    "too many octets": (
        Letter(["r8@sim.test"], body=("x" * 76 + "\n") * 150_000),
        "552 5.3.4 Message too big (limit 10485760 bytes)",
    ),
}


def swaks(letter: Letter) -> Told:
    return told_by(
        "swaks", "--server", "localhost", "--port", str(letter.port), "--tls", "--tls-verify",
        "--tls-ca-path", letter.ca, "--auth", "PLAIN", "--auth-user", letter.user,
        "--auth-password", letter.password, "--from", letter.envelope_from,
        "--to", ",".join(letter.to), "--data", "-", stdin=letter.as_bytes(),
    )  # fmt: skip


def curl(letter: Letter) -> Told:
    recipients = [word for to in letter.to for word in ("--mail-rcpt", to)]
    return told_by(
        "curl", "--verbose", "--ssl-reqd", "--cacert", letter.ca,
        f"smtp://localhost:{letter.port}/client.example", "--user",
        f"{letter.user}:{letter.password}", "--mail-from", letter.envelope_from, *recipients,
        "--crlf", "--upload-file", "-", stdin=letter.as_bytes(),
    )  # fmt: skip


def msmtp(letter: Letter) -> Told:
    return told_by(
        "msmtp", "--host=localhost", f"--port={letter.port}", "--tls=on", "--tls-starttls=on",
        f"--tls-trust-file={letter.ca}", "--auth=plain", f"--user={letter.user}",
        f"--passwordeval=echo {letter.password}", f"--from={letter.envelope_from}",
        "--", *letter.to, stdin=letter.as_bytes(),
    )  # fmt: skip


def php(letter: Letter) -> Told:
    if not Path("/usr/share/php/libphp-phpmailer").exists():
        pytest.skip("PHPMailer is not installed")
    return Told(**json.loads(printed_by("php", str(CLIENTS / "refused.php"), letter)))


def ruby(letter: Letter) -> Told:
    if not Path("/usr/lib/ruby/vendor_ruby/mail.rb").exists():
        pytest.skip("Ruby's mail is not installed")
    return Told(**json.loads(printed_by("ruby", str(CLIENTS / "refused.rb"), letter)))


def printed_by(interpreter: str, script: str, letter: Letter) -> str:
    return told_by(interpreter, script, stdin=letter.as_json()).text


def told_by(*argv: str, stdin: bytes) -> Told:
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
        username=letter.user, password=letter.password, use_tls=True,
    )  # fmt: skip
    message = ReadyEmail("", "", letter.envelope_from, letter.to, connection=connection)
    message.octets = letter.as_bytes()
    try:
        return Told(message.send() == 1, "")
    except smtplib.SMTPException as error:
        return Told(False, str(error).replace(", b'", " ").replace(', b"', " "))


EACH = ["swaks", "curl", "msmtp", "php", "ruby", "django", "nodemailer"]
# Each failed log-in waits longer than the one before, so few of them have to do.
WHO = {"a wrong password": ["ruby", "nodemailer"]}
PAIRS = [(client, case) for case in CASES for client in WHO.get(case, EACH)]


@pytest.mark.parametrize(("client", "case"), PAIRS)
def test_a_client_reports_our_refusal(house, node, monkeypatch, client, case):
    letter, words = CASES[case]
    letter.for_house(house)

    if client == "nodemailer":
        told = Told(**json.loads(node("refused.js", "", letter.as_json())))
    elif client == "django":
        told = django(letter, monkeypatch)
    else:
        told = globals()[client](letter)

    assert not told.is_sent
    assert words in told.text.replace("\n", " ")
    assert not any(house.received(to) for to in letter.to)
