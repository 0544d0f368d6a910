"""Deliver: claim what is due, compose it, send it over few connections, settle what came of it."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db import connection

from accounts.database import UNAVAILABLE
from accounts.message_class import MessageClass
from domains.signing import Keyring
from messages import claiming, in_flight, metrics, outcomes, queue, settling
from messages.exchangers import Directory, Unreachable
from messages.finder import Finder
from messages.group_commit import GroupCommit
from messages.in_flight import InFlight
from messages.jobs import Job
from messages.outcomes import Result
from messages.outgoing import Composed
from messages.queue import Claimed
from messages.second_look import SecondLook
from messages.shaping import book
from messages.shaping.shaper import Shaper
from messages.sites import TICK, Sites
from messages.spam import scanners
from messages.sts import Policies
from messages.sts_fetch import Fetcher

logger = logging.getLogger(__name__)

# Recipients claimed at once: enough to share the round trips, few enough to start soon.
BATCH = 100
# Seconds until accounts that hold too much are asked about again, if nothing was settled before.
CROWDED = 0.1
# Seconds between looks at leases, and at what staff has decided about sites.
PROLONG, OVERRIDE = 5, 5
# Seconds that settling gathers longer under load; nobody waits for it.
GATHER = 0.03
# Seconds that the last results have to be written when the worker stops.
SETTLE_AT_END = 5

Value = TypeVar("Value")


class Engine:
    """What a worker process delivers with, for as long as it lives. Lives on one event loop."""

    def __init__(self) -> None:
        self._keyring = Keyring()
        scanner = scanners.configured()
        self._second_look = SecondLook(scanner, self._in_claim_thread) if scanner else None
        self._shaper = Shaper()
        directory = Directory()
        policies = Policies(directory, Fetcher(directory), self._in_claim_thread)
        self._sites = Sites(directory, self._shaper)
        self._finder = Finder(directory, policies, self._sites)
        self._in_flight = InFlight()
        self._settling = GroupCommit(settling.write, "settle", GATHER)
        self._claiming = ThreadPoolExecutor(1, "claim")
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._was_full = False
        self._knows_overrides = False
        self._is_cut_off = False  # PostgreSQL was away, and leases may have run out
        metrics.IN_FLIGHT.set_function(lambda: len(self._in_flight))
        metrics.SITES.set_function(lambda: len(self._sites))
        for seconds, work in (
            (TICK, self._tick), (TICK, self._sites.confer), (PROLONG, self._prolong),
            (OVERRIDE, self._override),
        ):  # fmt: skip
            self._spawn(_each(seconds, work))

    async def deliver(self, classes: Sequence[MessageClass]) -> None:
        """Send what is due in these classes, first class first, until nothing is due.

        Returns when the claims find no more; slow receivers may still be at work then.
        """
        while not self._is_stopping:
            if not self._in_flight.has_room(BATCH):
                await self._in_flight.change()
                continue
            if self._is_cut_off:
                await self._come_back()
            if not self._knows_overrides:
                await self._override()  # before the first message: staff may have stopped a site
            is_crowded = False
            for message_class in classes:
                crowding = self._in_flight.crowding(message_class)
                is_crowded |= bool(crowding)
                # Again from the first class after each batch: what came meanwhile overtakes.
                if await self._deliver_batch(message_class, crowding):
                    break
            else:
                if not is_crowded:
                    return
                # They may have more that is due, for which there is no room yet.
                await self._in_flight.change(CROWDED)

    async def _deliver_batch(self, message_class: MessageClass, crowding: Sequence[int]) -> bool:
        """Claim one batch and send it off; say whether more of its class may be due."""
        batch = await self._in_claim_thread(
            partial(
                claiming.take,
                message_class,
                BATCH,
                self._keyring,
                crowding=crowding,
                is_closed=self._sites.closed(message_class).to,
            )
        )
        if batch is None:
            self._is_cut_off = True
            return False
        for result in [*batch.results, *map(self._shut_out, batch.shut_out)]:
            self._in_flight.add(result.outcome.claimed)
            self._settle(result)
        self._launch(batch.composed)
        return queue.may_have_left_some(batch.claimed, BATCH)

    def _shut_out(self, claimed: Claimed) -> Result:
        """Put off a recipient whose site takes nothing now; it may do so again by now."""
        whose = claimed.account_id, claimed.message_class
        put_off = self._sites.turn_away(claimed.domain, whose)
        return outcomes.put_off(claimed, put_off) if put_off else outcomes.given_back(claimed)

    async def _come_back(self) -> None:
        """Keep what we hold, and let the other workers do so, before anybody takes it over."""
        self._is_cut_off = False
        await self._prolong()
        if not self._is_cut_off:
            await asyncio.sleep(PROLONG)

    def _launch(self, composed: list[Composed]) -> None:
        by_domain: dict[str, list[Composed]] = defaultdict(list)
        unseen: dict[UUID, list[Composed]] = defaultdict(list)
        for one in composed:
            self._in_flight.add(one.claimed)
            if self._second_look and not one.claimed.is_scanned:
                unseen[one.claimed.message_id].append(one)
            else:
                by_domain[one.claimed.domain].append(one)
        for message_id, group in unseen.items():
            self._spawn(self._scan(message_id, group))
        self._send_all(by_domain)

    def _send_all(self, by_domain: Mapping[str, list[Composed]]) -> None:
        for domain, group in by_domain.items():
            # Each domain by itself: one that DNS keeps waiting delays no other.
            self._spawn(self._send(domain, group))

    async def _scan(self, message_id: UUID, group: list[Composed]) -> None:
        """Send what the scanner lets pass that could not be asked at the door."""
        assert self._second_look
        results = await self._second_look.at(message_id, [one.claimed for one in group])
        for result in results:
            self._settle(result)
        if results:
            return
        by_domain = defaultdict(list)
        for one in group:
            by_domain[one.claimed.domain].append(one)
        self._send_all(by_domain)

    async def _send(self, domain: str, group: list[Composed]) -> None:
        try:
            site = await self._finder.site_of(domain, group[0].claimed.account_id)
        except Unreachable as failure:
            for one in group:
                self._settle(outcomes.unreachable(one.claimed, failure))
            return
        except Exception:
            # A fault of ours must not hold recipients for ever.
            logger.exception("The exchangers of %s could not be found", domain)
            for one in group:
                self._settle(outcomes.held(one.claimed, outcomes.OUR_ERROR))
            return
        if self._is_stopping:
            for one in group:
                self._settle(outcomes.given_back(one.claimed))
            return
        for one in group:
            assert one.transaction
            done = partial(self._finished, one.claimed)
            job = Job(one.transaction, one.claimed.message_class, done)
            job.account_id = one.claimed.account_id
            site.room.submit(job)
        site.dispatch()

    def _finished(self, claimed: Claimed, job: Job) -> None:
        try:
            self._settle(_result(claimed, job))
        except Exception:
            # It would be held for ever, and the connection with it.
            logger.exception("The outcome of recipient %s could not be judged", claimed.id)
            self._settle(outcomes.held(claimed, outcomes.OUR_ERROR))

    def _settle(self, result: Result) -> None:
        self._settling.put(result).add_done_callback(partial(self._forget, result.outcome.claimed))

    def _forget(self, claimed: Claimed, future: "asyncio.Future[None]") -> None:
        if future.exception():
            # Its lease runs out, and somebody tries again.
            logger.error("The outcome of recipient %s could not be written", claimed.id)
        self._in_flight.remove(claimed)

    async def _tick(self) -> None:
        self._sites.tick()
        is_full = not self._in_flight.has_room(BATCH)
        if is_full and self._was_full:
            # Twice in a row: somebody is slow, and must not keep the others out.
            self._sites.shed(in_flight.MOST)
        # Whoever crowds in one class does so in the last, which counts all.
        elif crowding := self._in_flight.crowding(MessageClass.DIGEST):
            self._sites.shed(in_flight.MOST, set(crowding))
        self._was_full = is_full

    async def _prolong(self) -> None:
        held = list(self._in_flight)
        # Even where that is nothing: so we see that PostgreSQL was away.
        if await self._in_claim_thread(queue.prolong, held) is None:
            self._is_cut_off = True

    async def _override(self) -> None:
        overrides = await self._in_claim_thread(book.load)
        if overrides is not None:
            self._knows_overrides = True
            self._sites.override(overrides)

    async def stop(self, seconds: float) -> None:
        """Claim nothing more, give back what has not begun, and let finish what has, for a while.

        What is still running after that keeps its lease, and is tried again when it runs out.
        """
        self._is_stopping = True
        self._in_flight.wake()
        for site in self._sites:
            site.room.withdraw()
        await self._wait_until_settled(seconds)
        await self._sites.close()
        await self._wait_until_settled(SETTLE_AT_END)
        for task in self._tasks:
            task.cancel()
        await self._shaper.close()

    async def _wait_until_settled(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while len(self._in_flight) and (left := deadline - time.monotonic()) > 0:
            await self._in_flight.change(left)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_claim_thread(
        self, call: Callable[..., Value | None], *arguments: object
    ) -> Value | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._claiming, partial(_guarded, call, *arguments))


def _result(claimed: Claimed, job: Job) -> Result:
    if job.is_withdrawn:
        return outcomes.given_back(claimed)
    if job.put_off:
        return outcomes.put_off(claimed, job.put_off)
    return outcomes.of_attempt(claimed, job)


async def _each(seconds: float, work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Do something again and again, whatever goes wrong."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            logger.exception("What is done each %s s has failed", seconds)


def _guarded(call: Callable[..., Value], *arguments: object) -> Value | None:
    """Call the database; where it is gone return None: the next doorbell finds it again."""
    try:
        return call(*arguments)
    except UNAVAILABLE as error:
        logger.error("PostgreSQL does not answer: %s", error)
        connection.close()
        return None
