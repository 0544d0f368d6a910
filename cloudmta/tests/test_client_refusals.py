"""What real clients tell their users when we refuse: never success, and always our own words."""

import json

import pytest

from cloudmta.testing import ROOT, House
from cloudmta.tests import refused_clients
from cloudmta.tests.refused_clients import Letter, Told
from messages.tests.submission_client import make_account_with_credential

pytestmark = pytest.mark.xdist_group("house")

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
FOREIGN = "alice@somebody-else.example"
SUSPENDED, SLOW = "suspended0000000", "slow000000000000"

CASES = {
    "no TLS": (
        Letter(["r0@sim.test"], tls=False, log_in=False),
        "530 5.7.0 Must issue STARTTLS first",
    ),
    "no log-in": (Letter(["r1@sim.test"], log_in=False), "530 5.7.0 Authentication required"),
    "a wrong password": (
        Letter(["r2@sim.test"], password="wrong"),
        "535 5.7.8 Authentication credentials invalid",
    ),
    "a suspended account": (
        Letter(["r3@sim.test"], user=SUSPENDED, password="secret"),
        "525 5.7.13 Account suspended: unpaid",
    ),
    "a sender domain that is not verified": (
        Letter(["r4@sim.test"], envelope_from=FOREIGN, from_=FOREIGN),
        "550 5.7.1 Sender domain somebody-else.example is not verified",
    ),
    "a header From of somebody else": (
        Letter(["r5@sim.test"], from_=FOREIGN),
        "550 5.7.1 Sender domain somebody-else.example is not verified",
    ),
    "too many messages at once": (
        Letter(["r6@sim.test"], user=SLOW, password="secret"),
        "450 4.7.1 Rate limit, slow down",
    ),
    "too many octets": (
        Letter(["r7@sim.test"], body=("x" * 76 + "\n") * 150_000),
        "552 5.3.4 Message too big (limit 10485760 bytes)",
    ),
    "25 recipients": (
        Letter([f"r8-{number}@sim.test" for number in range(25)]),
        "5.5.3 Too many recipients",
    ),
    "a recipient that is no address": (
        Letter(["r9@-sim-.test"]),
        "501 5.1.3 Bad recipient address syntax",
    ),
    "a forbidden attachment": (
        Letter(["r10@sim.test"], attachment="invoice.exe"),
        "554 5.7.0 Attachment type not permitted: invoice.exe",
    ),
    "spam": (Letter(["r11@sim.test"], body=GTUBE + "\n"), "554 5.7.1 Message refused: content"),
    "an unknown class": (
        Letter(["r12@sim.test"], headers=[("x-cloudmta-class", "urgent")]),
        "554 5.6.0 x-cloudmta-class must be one of priority, standard, digest",
    ),
    "a loop": (
        Letter(["r13@sim.test"], headers=[("Received", "by a.example; 1 Jan 2026")] * 51),
        "554 5.4.6 Too many Received fields",
    ),
}

EACH = ["swaks", "curl", "msmtp", "php", "ruby", "django", "nodemailer"]
WHO = {
    # Ruby begins TLS wherever it is offered, whatever one asks for.
    "no TLS": [client for client in EACH if client != "ruby"],
    # Each failed log-in waits longer than the one before, so few of them have to do.
    "a wrong password": ["ruby", "nodemailer"],
    # PHPMailer looks at addresses itself.
    "a recipient that is no address": [client for client in EACH if client != "php"],
}
PAIRS = [(client, case) for case in CASES for client in WHO.get(case, EACH)]


@pytest.fixture(scope="module")
def strict(house: House) -> House:
    """A house with an account that is suspended, and one that may send nothing more for now."""
    make_account_with_credential(house, SUSPENDED, suspended_for="unpaid")
    make_account_with_credential(house, SLOW, messages_per_second=0)
    with house.smtp(log_in=False) as client:
        client.login(SLOW, "secret")
        client.mail("spends@its.only.message")
    return house


@pytest.mark.parametrize(("client", "case"), PAIRS)
def test_a_client_reports_our_refusal(strict, node, monkeypatch, client, case):
    letter, words = CASES[case]
    letter.for_house(strict)

    if client == "nodemailer":
        told = Told(**json.loads(node("refused.js", "", letter.as_json())))
    elif client == "django":
        told = refused_clients.django(letter, monkeypatch)
    else:
        told = getattr(refused_clients, client)(letter)

    assert not told.is_sent
    assert words in told.text.replace("\n", " ")
    assert not any(strict.received(to) for to in letter.to)


def test_the_documentation_knows_each_of_them():
    page = (ROOT / "docs" / "clients.md").read_text()

    for case, (_, words) in CASES.items():
        assert f"| {case} |" in page
        assert words in page
