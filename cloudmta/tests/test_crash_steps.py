"""Kill or stop a process between two named steps, by holding still whom it waits for.

What a kill leaves is a lease that must run out; tests move its end to now and do not wait for it.
"""

import smtplib
import threading
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests import breaking
from cloudmta.tests.breaking import locked, somebody_waits, trigger
from cloudmta.tests.fates import settled

pytestmark = pytest.mark.xdist_group("crashes")


@pytest.fixture(scope="module")
def house(crash_house: House) -> House:
    # A connection to the exchanger is open, and its DNS is known.
    settled(crash_house, crash_house.submit(digest(crash_house, "delivered+first@sim.test")))
    return crash_house


def digest(house: House, address: str) -> EmailMessage:
    """Return a message that no other worker than that of digests takes."""
    return house.message(address, X_CloudMTA_Class="digest")


def is_leased(house: House, message_id: str) -> None:
    """Wait until a worker has claimed a message."""
    query = "SELECT id FROM mail_recipient WHERE message_id = %s AND state = 'leased'"
    eventually(lambda: house.sql(query, message_id))


def lease_runs_out(house: House, message_id: str) -> None:
    query = "UPDATE mail_recipient SET due_at = now() WHERE message_id = %s AND state = 'leased'"
    house.sql(query, message_id)


def taken_over(house: House, message_id: str) -> list[int]:
    """Start a worker for the one that was killed; return the numbers of the attempts written."""
    house.start("digest")
    lease_runs_out(house, message_id)
    return delivered_by(house, message_id)


def delivered_by(house: House, message_id: str) -> list[int]:
    """Wait until a message is delivered; return the numbers of the attempts that are written."""
    assert set(settled(house, message_id).values()) == {"delivered"}
    house.ledger()
    rows = house.sql(
        "SELECT number FROM mail_attempt a JOIN mail_recipient r ON r.id = a.recipient_id"
        " WHERE r.message_id = %s",
        message_id,
    )
    return [number for (number,) in rows]


def test_killed_when_claimed_and_nobody_asked_yet(house: House) -> None:
    address = "delivered@never-asked.sim.test"  # so the worker waits for DNS
    with house.paused("simulator"):
        message_id = house.submit(digest(house, address))
        is_leased(house, message_id)
        house.kill("digest")

    assert taken_over(house, message_id) == [2]
    assert len(house.received(address)) == 1


def test_killed_when_connected_and_the_envelope_is_on_its_way(house: House) -> None:
    address = "delivered+connected@sim.test"
    with house.paused("simulator"):
        message_id = house.submit(digest(house, address))
        is_leased(house, message_id)
        house.kill("digest")

    assert taken_over(house, message_id) == [2]
    assert len(house.received(address)) == 1


def test_killed_when_the_content_has_arrived_and_the_reply_to_the_dot_has_not(
    house: House,
) -> None:
    address = "slow+dot@sim.test"  # three seconds from the content to the reply
    message_id = house.submit(digest(house, address))
    eventually(lambda: house.received(address))
    house.kill("digest")

    assert taken_over(house, message_id) == [2]
    # Nobody can know that the first copy arrived. Both are the same, so that who looks at the
    # Message-ID, or at the whole, sees one message.
    first, second = map(house.content, house.received(address))
    assert first == second


def test_killed_when_delivered_and_not_settled(house: House) -> None:
    address = "delivered+unsettled@sim.test"
    with house.paused("simulator"):
        message_id = house.submit(digest(house, address))
        is_leased(house, message_id)
        lock = f"SELECT id FROM mail_recipient WHERE message_id = '{message_id}' FOR UPDATE"
        held = locked(house, lock)
        held.__enter__()
    try:
        somebody_waits(house)
        house.kill("digest")
    finally:
        held.__exit__(None, None, None)

    assert taken_over(house, message_id) == [2]
    assert len(house.received(address)) == 2


def submit_without_answer(house: House, address: str, **headers: str) -> None:
    """Submit, wait for PostgreSQL to hold the transaction, kill the door; nobody is answered."""
    answers: list[object] = []

    def client() -> None:
        try:
            answers.append(house.submit(house.message(address, **headers)))
        except (OSError, smtplib.SMTPException) as error:
            answers.append(error)

    submitting = threading.Thread(target=client)
    with locked(house, f"SELECT pg_advisory_xact_lock({breaking.LOCK})"):
        submitting.start()
        somebody_waits(house)
        house.kill("submission")
        submitting.join()
    assert isinstance(answers[0], smtplib.SMTPServerDisconnected | OSError)
    house.open("submission")


def test_a_door_killed_before_the_commit_leaves_nothing(house: House) -> None:
    address = "delivered+uncommitted@sim.test"
    with trigger(house, "mail_message", breaking.WAIT, "IMMEDIATE"):
        submit_without_answer(house, address)

    assert house.sql("SELECT id FROM mail_recipient WHERE address = %s", address) == []
    house.ledger()


def test_a_door_killed_in_the_commit_leaves_one_message_whoever_tries_again(house: House) -> None:
    address, key = "delivered+committed@sim.test", {"X_CloudMTA_Idempotency_Key": "committed"}
    with trigger(house, "mail_message", breaking.WAIT, "DEFERRED"):
        submit_without_answer(house, address, **key)

    message_id = house.submit(house.message(address, **key))
    assert delivered_by(house, message_id) == [1]
    assert len(house.received(address)) == 1


def test_what_a_worker_holds_is_not_taken_from_it_by_an_outage_of_postgresql(
    house: House,
) -> None:
    address = "delivered+outage@sim.test"
    with house.paused("simulator"):
        message_id = house.submit(digest(house, address))
        is_leased(house, message_id)
        # As if the outage lasted as long as a lease.
        query = (
            "UPDATE mail_recipient SET due_at = now() + interval '6 seconds' WHERE message_id = %s"
            " RETURNING due_at"
        )
        ((lease_ends_at,),) = house.sql(query, message_id)
        house.services.kill("postgres")
        eventually(lambda: datetime.now(UTC) > lease_ends_at)
        house.services.start("postgres")
        prolonged = "SELECT id FROM mail_recipient WHERE message_id = %s AND due_at > now()"
        eventually(lambda: house.sql(prolonged, message_id))

    assert delivered_by(house, message_id) == [1]
    assert len(house.received(address)) == 1
    eventually(lambda: takes_mail(house))


def takes_mail(house: House) -> bool:
    """Submit; a door whose connection to PostgreSQL died says 451 once, and connects anew."""
    try:
        return bool(house.submit(house.message("delivered+again@sim.test")))
    except AssertionError:
        return False


def test_a_worker_that_hangs_is_replaced_and_comes_too_late(house: House) -> None:
    address = "delivered+hanging@sim.test"
    with house.paused("simulator"):
        message_id = house.submit(digest(house, address))
        is_leased(house, message_id)
        hanging = house.paused("digest")
        hanging.__enter__()
    try:
        house.start("digest", "digest 2")
        lease_runs_out(house, message_id)
        assert delivered_by(house, message_id) == [2]
    finally:
        hanging.__exit__(None, None, None)

    eventually(lambda: "ended after their lease had run out" in house.log("digest"))
    assert delivered_by(house, message_id) == [2]
    house.kill("digest 2")
