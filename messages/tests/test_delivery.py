"""The engine of a worker: what one account's mail waits for must not keep another's waiting."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest
from django.db import connection
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.models import Account
from cloudmta import demo
from cloudmta.testing import eventually
from messages import classifier, delivery, exchangers, spreading
from messages.delivery import Engine
from messages.in_flight import MOST
from messages.models import Recipient, SiteOverride, State
from messages.tests.dns_driver import outside, world
from messages.tests.factories import AccountFactory, MessageFactory
from messages.tests.slow_receiver import receiving

__all__ = ["outside", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

STANDARD = MessageClass.STANDARD


def sender(name: str) -> Account:
    account = AccountFactory()
    demo.ensure_domain(account, name)
    return account


def send(account: Account, *addresses: str) -> None:
    """Put one message to many into the queue."""
    name = account.domains.get().name
    content = f"From: a@{name}\r\n\r\nHello\r\n".encode()
    message = MessageFactory(account=account, sender_domain=name, content=content)
    now = timezone.now()
    Recipient.objects.bulk_create(
        Recipient(
            message=message,
            account=account,
            message_class=STANDARD,
            accepted_at=now,
            due_at=now,
            address=address,
            domain=address.rpartition("@")[2],
        )
        for address in addresses
    )


def states(account: Account) -> set[str]:
    return set(Recipient.objects.filter(account=account).values_list("state", flat=True))


async def sweep(engine: Engine, over: asyncio.Event) -> None:
    """Ring now and then, as beat does."""
    while not over.is_set():
        await engine.deliver([STANDARD])
        await asyncio.sleep(0.05)


def settled(account: Account) -> int:
    return Recipient.objects.filter(account=account, due_at=None).count()


@contextmanager
def at_work() -> Iterator[Engine]:
    """Run an engine on a loop of its own, as a worker does."""
    started: Future[tuple[Engine, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def work() -> None:
        engine, over = Engine(), asyncio.Event()
        working = asyncio.create_task(sweep(engine, over))
        started.set_result((engine, asyncio.get_running_loop(), over))
        await over.wait()
        await engine.stop(0)
        await working
        await asyncio.get_running_loop().run_in_executor(
            engine._claiming, lambda: connection.close()
        )
        engine._claiming.shutdown()
        engine._settling.close()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    engine, loop, over = started.result(10)
    try:
        yield engine
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def test_domains_that_dns_keeps_waiting_are_their_own_accounts_trouble(
    world, settings, monkeypatch
):
    settings.EXCHANGER_PORT = world.smtp_port
    monkeypatch.setattr(exchangers, "LOOKUP_SECONDS", 120)
    monkeypatch.setattr(delivery, "SETTLE_AT_END", 0)
    crowd, few = sender("crowd.example"), sender("few.example")
    send(crowd, *(f"r@d{number}.timeout.sim.test" for number in range(2 * MOST)))

    with at_work() as engine:
        eventually(lambda: crowd.pk in engine._in_flight.crowding(STANDARD))
        send(few, *(f"r@d{number}.sim.test" for number in range(50)))
        eventually(lambda: states(few) == {State.DELIVERED})
        assert states(crowd) == {State.LEASED, State.QUEUED}


def test_a_thousand_domains_of_one_site_share_its_limit_and_a_broken_one_is_alone(world, settings):
    alice = sender("alices.example")
    SiteOverride.objects.create(suffix="limited.test", connections=3)
    domains = [f"d{number}.limited.test" for number in range(1000)]
    for domain in domains:
        world.zone.publish(domain, "MX", ["10 mx.limited.test."])
    world.zone.publish("mx.limited.test", "A", ["127.0.0.6"])
    world.zone.publish("dead.limited.test", "A", ["127.0.0.98"])
    world.zone.publish("broken.limited.test", "MX", ["10 dead.limited.test."])
    send(alice, "r@broken.limited.test", *(f"r@{domain}" for domain in domains))

    with receiving("127.0.0.6") as receiver:
        settings.EXCHANGER_PORT = receiver.port
        with at_work() as engine:
            eventually(lambda: len(engine._sites) == 2)
            eventually(lambda: settled(alice) == 1000, seconds=120)
            assert len(engine._sites) <= 2  # one that is dead is forgotten

    assert sorted(receiver.recipients) == sorted(f"r@{domain}" for domain in domains)
    assert receiver.most_open <= 3
    assert Recipient.objects.get(state=State.DEFERRED).domain == "broken.limited.test"


def test_what_waits_for_a_site_that_is_down_is_put_off_without_an_attempt(world, settings):
    settings.EXCHANGER_PORT = world.smtp_port
    alice = sender("alices.example")

    with at_work() as engine:
        send(alice, "a@deadmx.sim.test")
        eventually(lambda: states(alice) == {State.DEFERRED})
        assert engine._sites.closed(STANDARD).domains == {"deadmx.sim.test"}
        send(alice, "b@deadmx.sim.test", "c@deadmx.sim.test", "d@sim.test")
        eventually(lambda: states(alice) == {State.DEFERRED, State.DELIVERED})

    replies = {one.address[0]: (one.reply, one.attempt_count) for one in Recipient.objects.all()}
    assert replies["a"][1] == 1
    for address in "bc":
        assert replies[address][0].startswith("dead.sim.test is down since ")
        assert replies[address][1] == 0


def test_an_outcome_that_we_cannot_judge_holds_nobody_for_ever(world, settings, monkeypatch):
    settings.EXCHANGER_PORT = world.smtp_port
    alice = sender("alices.example")

    def broken(reply, phase):
        raise RuntimeError("nobody has thought of this")

    monkeypatch.setattr(classifier, "of_reply", broken)
    send(alice, "bounced@sim.test", "a@sim.test")

    with at_work() as engine:
        eventually(lambda: states(alice) == {State.HELD, State.DELIVERED})
        eventually(lambda: not len(engine._in_flight))


def test_the_doors_learn_which_site_takes_the_mail_of_a_domain(world, settings):
    settings.EXCHANGER_PORT = world.smtp_port
    alice = sender("alices.example")
    one, two = (f"{uuid.uuid4().hex}.sim.test" for _ in range(2))
    send(alice, f"a@{one}", f"a@{two}")

    with at_work():
        eventually(lambda: spreading._redis().get(spreading.destination_key(two)))
        eventually(lambda: states(alice) == {State.DELIVERED})

    first, second = (spreading._redis().get(spreading.destination_key(name)) for name in (one, two))
    assert first == second
