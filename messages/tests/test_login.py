"""Log-ins: who is believed and for how long, and how slow guessing becomes."""

import asyncio

import pytest
from django.db import OperationalError, connection

from accounts import authentication
from accounts.models import Account
from domains.models import Domain
from messages import login, sender
from messages.login import ACCEPTED, INVALID, UNAVAILABLE, Logins
from messages.sender import Sender

ALICE = Sender(
    username="alice", secret_hashes=(authentication.hash_secret("right"),), credential_id=1,
    account_id=1, account_public_id="a" * 16, max_message_size=1, domains=frozenset(),
)  # fmt: skip


class World:
    """The senders that there are, the time, and how long each answer was kept back."""

    def __init__(self, monkeypatch) -> None:
        self.senders: dict[str, Sender] = {"alice": ALICE}
        self.now = 1000.0
        self.delays: list[float] = []
        self.troubles: list[Exception] = []
        self.asked: list[str] = []
        monkeypatch.setattr(login.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(sender, "find", self.find)

    def find(self, username: str) -> Sender | None:
        self.asked.append(username)
        if self.troubles:
            raise self.troubles.pop(0)
        return self.senders.get(username)

    def play(self, *attempts: tuple[str, str, str]) -> list[tuple[object, object]]:
        """Let these log in, one after the other, with name, password, and address."""

        async def wait(seconds: float) -> None:
            self.delays.append(seconds)

        async def run():
            logins = Logins()
            try:
                return [await logins.log_in(*attempt) for attempt in attempts]
            finally:
                logins._database.shutdown()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(login.asyncio, "sleep", wait)
            return asyncio.run(run())


@pytest.fixture
def world(monkeypatch) -> World:
    return World(monkeypatch)


def test_the_right_password_is_answered_at_once(world):
    assert world.play(("alice", "right", "192.0.2.1")) == [(ACCEPTED, ALICE)]
    assert world.delays == []


@pytest.mark.parametrize("username", ["alice", "nobody", ""])
def test_a_wrong_one_late_and_alike(world, username):
    assert world.play((username, "wrong", "192.0.2.1")) == [(INVALID, None)]
    assert world.delays == [1]


def test_the_hash_of_nobody_is_no_key(world):
    assert world.play(("nobody", "", "192.0.2.1")) == [(INVALID, None)]


def test_a_name_without_end_is_not_kept(world):
    assert world.play(("x" * 9000, "wrong", "192.0.2.1")) == [(INVALID, None)]
    assert world.asked == ["x" * 64]


def test_guesses_of_one_address_become_slower(world):
    world.play(*((f"name{number}", "wrong", "192.0.2.1") for number in range(8)))

    assert world.delays == [1, 2, 4, 8, 16, 30, 30, 30]


def test_guesses_at_one_name_become_slower(world):
    world.play(*(("alice", "wrong", f"192.0.2.{number}") for number in range(4)))

    assert world.delays == [1, 2, 4, 8]


def test_the_owner_does_not_wait_for_the_guessers(world):
    guesses = [("alice", "wrong", f"192.0.2.{number}") for number in range(4)]

    assert world.play(*guesses, ("alice", "right", "192.0.2.1"))[-1] == (ACCEPTED, ALICE)
    assert len(world.delays) == 4


def test_failures_are_forgotten_after_a_while(world, monkeypatch):
    monkeypatch.setattr(login, "FORGET_AFTER", -1)  # any time is a while

    world.play(*(("alice", "wrong", "192.0.2.1") for _ in range(3)))

    assert world.delays == [1, 1, 1]


def test_no_more_is_remembered_than_there_is_room_for(world, monkeypatch):
    monkeypatch.setattr(login, "MAX_KEPT", 3)

    world.play(
        ("alice", "wrong", "192.0.2.1"),
        *((f"name{number}", "wrong", f"192.0.2.{number}") for number in range(9)),
        ("alice", "wrong", "192.0.2.99"),
    )

    assert world.delays[-1] == 1


def test_a_sender_is_believed_for_some_seconds(world):
    async def run():
        logins = Logins()
        first = await logins.sender("alice")
        del world.senders["alice"]
        world.now += login.KEEP_FOR
        second = await logins.sender("alice")
        world.now += 0.1
        third = await logins.sender("alice")
        logins._database.shutdown()
        return [first, second, third]

    assert asyncio.run(run()) == [ALICE, ALICE, None]
    assert world.asked == ["alice", "alice"]


def test_a_database_connection_that_died_is_replaced_unnoticed(world):
    world.troubles = [OperationalError("the connection is closed")]

    assert world.play(("alice", "right", "192.0.2.1")) == [(ACCEPTED, ALICE)]


def test_a_database_that_is_gone_is_no_failure_of_the_client(world):
    world.troubles = [OperationalError("gone")] * 2

    assert world.play(("alice", "right", "192.0.2.1"), ("alice", "right", "192.0.2.1")) == [
        (UNAVAILABLE, None),
        (ACCEPTED, ALICE),
    ]
    assert world.delays == []


@pytest.mark.django_db
def test_a_sender_is_a_credential_with_its_account_and_verified_domains():
    account = Account.objects.create(name="Alice", max_message_size=123)
    credential, secret = authentication.create_credential(account, "Shop")
    Domain.objects.create(account=account, name="a.example", verified_at="2026-01-01T00:00Z")
    Domain.objects.create(account=account, name="unverified.example")
    bob = Account.objects.create(name="Bob")
    Domain.objects.create(account=bob, name="bobs.example", verified_at="2026-01-01T00:00Z")

    found = sender.find(credential.username)

    assert found
    assert authentication.is_one_of(secret, found.secret_hashes)
    assert (found.credential_id, found.account_id) == (credential.pk, account.pk)
    assert (found.max_message_size, found.domains) == (123, {"a.example"})
    credential.revoked_at = account.created_at
    credential.save()
    assert sender.find(credential.username) is None
    assert connection.is_usable()
