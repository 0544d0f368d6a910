"""What comes back, from end to end: the world reports, the customer learns it, once and truly."""

import urllib.error
import urllib.request
from uuid import uuid4

import pytest

from cloudmta.simulator import reports
from cloudmta.simulator.reports import Taken
from cloudmta.testing import House, eventually
from cloudmta.tests.fates import events, settled, states
from messages.tests.bounce_client import report, submitted, tokens
from messages.tests.submission_client import make_domain

__all__ = ["tokens"]

pytestmark = pytest.mark.xdist_group("house")


@pytest.fixture(scope="module")
def web(house: House) -> House:
    house.open_web()
    return house


def kinds(house: House, message_id: str) -> list[str]:
    return [kind for kind, _ in events(house, message_id)]


def details(house: House, message_id: str, kind: str) -> dict[str, object]:
    ((found,),) = house.sql(
        "SELECT details FROM events_event WHERE message_id = %s AND kind = %s", message_id, kind
    )
    return found


def suppressed(house: House, address: str) -> list[tuple[str, str]]:
    """Return reason and causing message of what is on Alice's list."""
    return house.sql(
        "SELECT reason, message_id::text FROM events_suppression WHERE address = %s", address
    )


def rest(house: House, method: str, path: str) -> int:
    request = urllib.request.Request(
        f"{house.demo['api_url']}/{house.demo['smtp_username']}/{path}",
        method=method,
        headers={"Authorization": f"Bearer {house.demo['smtp_password']}"},
    )
    with urllib.request.urlopen(request) as response:
        return int(response.status)


def bounce_of(address: str, recipient: str) -> bytes:
    """Return the bounce that the simulator would send."""
    return reports.bounce(Taken(address, recipient, b"Subject: Hello\r\n\r\n")).content


def unread(house: House) -> int:
    ((count,),) = house.sql("SELECT count(*) FROM mail_incomingreport WHERE state = 'unread'")
    return int(count)


def test_a_late_bounce_suppresses_until_the_address_is_removed(web: House) -> None:
    to = "late-bounce+journey@sim.test"

    first = web.submit(web.message(to))
    eventually(lambda: kinds(web, first) == ["delivery", "bounce"])

    assert states(web, first) == {to: "delivered"}
    told = details(web, first, "bounce")
    assert (told["source"], told["reason"]) == ("report", "invalid_address")
    assert suppressed(web, to) == [("bounce", first)]

    second = web.submit(web.message(to))
    assert settled(web, second) == {to: "blocked"}
    assert kinds(web, second) == ["blocked"]
    assert details(web, second, "blocked")["reason"] == "previous_bounce"

    assert rest(web, "DELETE", f"suppressions/{to}") == 204

    third = web.submit(web.message(to))
    assert settled(web, third) == {to: "delivered"}
    eventually(lambda: kinds(web, third) == ["delivery", "bounce"])
    web.ledger()


def test_a_complaint_suppresses_and_cannot_be_removed_by_the_customer(web: House) -> None:
    to = "complained+journey@sim.test"

    first = web.submit(web.message(to))
    eventually(lambda: kinds(web, first) == ["delivery", "complaint"])

    assert suppressed(web, to) == [("complaint", first)]
    with pytest.raises(urllib.error.HTTPError) as refused:
        rest(web, "DELETE", f"suppressions/{to}")
    refused.value.close()
    assert refused.value.code == 403

    second = web.submit(web.message(to))
    assert settled(web, second) == {to: "blocked"}
    assert details(web, second, "blocked")["reason"] == "previous_complaint"


def test_the_answer_of_a_machine_changes_nothing(house: House) -> None:
    to = "auto-reply+journey@sim.test"

    message_id = house.submit(house.message(to))

    ((note,),) = eventually(
        lambda: house.sql(
            "SELECT note FROM mail_incomingreport i JOIN mail_recipient r ON r.id = recipient_id"
            " WHERE r.message_id = %s AND i.state = 'ignored'",
            message_id,
        )
    )
    assert "Auto: out of office" in note
    assert kinds(house, message_id) == ["delivery"]
    assert suppressed(house, to) == []


@pytest.mark.parametrize("forgery", ["token", "no token", "elsewhere"])
def test_a_forged_report_changes_nothing(house: House, tokens, forgery: str) -> None:
    to = f"delivered+forged{uuid4().hex}@sim.test"
    message_id, recipient_id = submitted(house, to)
    settled(house, message_id)
    make_domain(house, "forgers.example", owner="Mallory", verified=True)
    genuine = tokens.of(recipient_id)
    address = {
        "token": f"bounces+{'0' if genuine[8] != '0' else '1'}{genuine[9:]}",
        "no token": f"bounces@{genuine.partition('@')[2]}",
        "elsewhere": tokens.of(recipient_id, "mta.forgers.example"),
    }[forgery]

    assert report(house, address, bounce_of(genuine, to)) == 550

    assert kinds(house, message_id) == ["delivery"]
    assert suppressed(house, to) == []


@pytest.mark.parametrize(
    "content",
    [
        b"\r\n",
        b"Content-Type: multipart/report; boundary=\r\n\r\n--\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n\xff\xfe\r\n: :\r\n--b",
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n)
                 for n in range(1000)),
        b"Subject: \xed\xa0\x80\x01\r\nContent-Type: text/plain; charset=none\r\n\r\n\x80\r\n",
    ],
    ids=["empty", "no boundary", "octets", "a thousand parts in each other", "no charset"],
)  # fmt: skip
def test_what_cannot_be_understood_is_kept_for_staff(house: House, tokens, content: bytes) -> None:
    to = f"delivered+malformed{uuid4().hex}@sim.test"
    message_id, recipient_id = submitted(house, to)
    settled(house, message_id)

    assert report(house, tokens.of(recipient_id), content) == 250

    def read() -> list[tuple[str]]:
        return house.sql(
            "SELECT note FROM mail_incomingreport WHERE recipient_id = %s AND state <> 'unread'",
            recipient_id,
        )

    ((note,),) = eventually(read)
    assert note.startswith("Nothing to report.")
    assert kinds(house, message_id) == ["delivery"]
    assert suppressed(house, to) == []


def test_the_simulator_waits_for_a_door_that_is_closed(house: House) -> None:
    waited = house.log("simulator").count(" waits: ")
    house.kill("bounces")
    try:
        message_id = house.submit(house.message("late-bounce+patience@sim.test"))
        eventually(lambda: house.log("simulator").count(" waits: ") > waited)
    finally:
        house.open("bounces")

    eventually(lambda: kinds(house, message_id) == ["delivery", "bounce"])


def test_a_report_is_read_once_whoever_dies(house: House, tokens) -> None:
    """The door dies after its 250, the reader at its work; each report has one event."""
    recipients = [f"delivered+crash{number}@sim.test" for number in range(20)]
    message_id = house.submit(house.message(), *recipients)
    settled(house, message_id)
    ids = house.sql("SELECT id, address FROM mail_recipient WHERE message_id = %s", message_id)
    house.kill("digest")  # the reader too
    try:
        for recipient_id, to in ids:
            address = tokens.of(recipient_id)
            assert report(house, address, bounce_of(address, to)) == 250
        house.kill("bounces")
        house.start("digest")
        eventually(lambda: unread(house) < len(ids))
        house.kill("digest")
    finally:
        house.open("bounces", "digest")

    eventually(lambda: unread(house) == 0)
    told = [to for kind, to in events(house, message_id) if kind == "bounce"]
    assert sorted(told) == sorted(recipients)
    house.ledger()
