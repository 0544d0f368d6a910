"""What leaves verifies, whatever the message is like: by dkimpy and by mailauth, many at a time.

SIGNED_MESSAGES says how many (docs/domains.md); each length of a field from 1 to 300 comes first.
"""

import base64
import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime

import dkim as dkimpy
import pytest
from django.conf import settings

from domains import keys
from domains.dkim import Signer
from domains.models import Algorithm
from domains.signing import Identity, Turn
from messages import acceptance, outgoing
from messages.acceptance import Submission
from messages.models import Door
from messages.smtp.transaction import Letter
from messages.tests.test_acceptance import ALICE

COUNT = int(os.environ.get("SIGNED_MESSAGES", "400"))
LENGTHS = 300
AT_ONCE = 500  # messages that one run of mailauth is given
ACCEPTED_AT = datetime(2026, 11, 25, tzinfo=UTC)
# What lines of bodies are made of.
SCRAPS = [
    b".", b"..", b" ", b"  ", b"\t", b"Dear Carol,", b"=", b"=20", b"--", b"From here", b"x" * 99,
    b"y" * 997, b"z" * 2000, "Grüße".encode(), "日本語".encode(), b"\xff\xfe", b"<p>", b"",
]  # fmt: skip


def made(algorithm: Algorithm) -> tuple[Signer, str]:
    private_pem, public_key = keys.generate(algorithm)
    selector = algorithm.value.partition("-")[0]
    signer = Signer("alices.example", selector, keys.parse(private_pem))
    return signer, keys.dkim_record(public_key, algorithm)


def text(random: random.Random, length: int, alphabet: str) -> str:
    return "".join(random.choice(alphabet) for _ in range(length)).strip() or "x"


def message(random: random.Random, number: int) -> bytes:
    """Return a message of a customer: fields of all lengths, bodies of all kinds."""
    length = number % LENGTHS + 1
    alphabet = random.choice(["ab ", "abcdefgh  ijk\t", "aü ", "abc:;,.=<>@ "])
    lines = [
        f"From: {text(random, length % 90, 'Alice ')} <alice@alices.example>",
        f"Subject: {text(random, length, alphabet)}",
        "To: " + ",\r\n ".join(f"user{n}@example.net" for n in range(random.randint(1, 20))),
        f"X-Other: {text(random, random.randint(1, 300), alphabet)}",
        f"Message-ID: <{text(random, random.randint(1, 200), 'abcdef')}@alices.example>",
    ]
    if random.random() < 0.3:
        lines.append(f"References:\r\n {' '.join(['<1@a.example>'] * random.randint(1, 15))}")
    if random.random() < 0.5:
        lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
    random.shuffle(lines)
    body = [
        b"".join(random.choices(SCRAPS, k=random.randint(0, 4)))
        for _ in range(random.randint(0, 12))
    ]
    end = random.choice([b"", b"\r\n", b"\r\n\r\n\r\n"])
    return "\r\n".join([*lines, "", ""]).encode() + b"\r\n".join(body) + end


def received(wire: bytes) -> bytes:
    """Return what a server keeps of what came over the wire (RFC 5321 §4.5.2)."""
    assert wire.isascii()
    *lines, dot, rest = wire.split(b"\r\n")
    assert (dot, rest) == (b".", b"")
    assert all(len(line) <= 998 + 1 for line in lines)
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


@pytest.fixture(scope="module")
def sent() -> tuple[list[bytes], dict[str, str]]:
    """Messages as they arrive, signed by both algorithms, and the records to verify them by."""
    chance = random.Random("signatures")
    rsa, rsa_record = made(Algorithm.RSA)
    ed25519, ed25519_record = made(Algorithm.ED25519)
    records = {
        "rsa._domainkey.alices.example": rsa_record,
        "ed25519._domainkey.alices.example": ed25519_record,
    }
    identity = Identity((Turn(rsa, None),), (Turn(ed25519, None),), "mta.alices.example")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "SIGN_ED25519", True)
        return [sent_by(identity, message(chance, number)) for number in range(COUNT)], records


def sent_by(identity: Identity, content: bytes) -> bytes:
    """Take a message in, sign it, send it over the wire, and return what arrives."""
    to = {"carol@example.net": "example.net"}
    submission = Submission(ALICE, Door.SMTP, "alice@alices.example", to, content)
    accepted = acceptance.check(submission).content
    return received(Letter.of(outgoing.sign(accepted, identity, ACCEPTED_AT)).wire)


def test_dkimpy_finds_them_good(sent: tuple[list[bytes], dict[str, str]]) -> None:
    arrived, records = sent

    def record(name: bytes, timeout: int = 5) -> bytes:
        return records[name.decode().rstrip(".")].encode()

    for content in arrived:
        # The second one is by RSA; the first needs a library that dkimpy does without.
        assert dkimpy.DKIM(content).verify(1, dnsfunc=record), content


def test_mailauth_finds_them_good(
    sent: tuple[list[bytes], dict[str, str]], node: Callable[..., str]
) -> None:
    arrived, records = sent
    for first in range(0, COUNT, AT_ONCE):
        some = arrived[first : first + AT_ONCE]
        messages = [base64.b64encode(content).decode() for content in some]
        asked = json.dumps({"dns": records, "messages": messages})
        results = json.loads(node("verify_all.js", "", asked.encode()))
        assert results == [["pass", "pass"]] * len(some)
