"""Deliver: claim what is due, compose it, send it over few connections, settle what came of it."""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from django.db import connection

from accounts.message_class import MessageClass
from domains.signing import Keyring
from events import suppressions
from events.bulk import UNAVAILABLE
from messages import outcomes, queue, simulated
from messages.exchangers import Directory, Exchangers, Unreachable
from messages.group_commit import GroupCommit
from messages.outcomes import Result
from messages.outgoing import Composed, compose_all
from messages.queue import Claimed
from messages.sites import Job, Site

logger = logging.getLogger(__name__)

# Recipients claimed at once: enough to share the round trips, few enough to start soon.
BATCH = 100
# Recipients that one worker holds at a time; bounds its memory and what a crash leaves open.
MAX_IN_FLIGHT = 1000
# Seconds between looks at connections, and at leases.
TICK, PROLONG = 1, 5
# Seconds that settling gathers longer under load; nobody waits for it.
GATHER = 0.03
# Seconds that the last results have to be written when the worker stops.
SETTLE_AT_END = 5
# Seconds until a settling that PostgreSQL did not take is tried again.
SETTLE_AGAIN = 0.5

Value = TypeVar("Value")


class Engine:
    """What a worker process delivers with, for as long as it lives. Lives on one event loop."""

    def __init__(self) -> None:
        self._directory = Directory()
        self._keyring = Keyring()
        self._sites: dict[Exchangers, Site] = {}
        self._in_flight: dict[int, Claimed] = {}
        self._room = asyncio.Event()  # set whenever something was settled
        self._settling = GroupCommit(_settle_until_taken, "settle", GATHER)
        self._claiming = ThreadPoolExecutor(1, "claim")
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._spawn(self._tick())
        self._spawn(self._prolong())

    async def deliver(self, classes: Sequence[MessageClass]) -> None:
        """Send what is due in these classes, first class first, until nothing is due.

        Returns when the claims find no more; slow receivers may still be at work then.
        """
        while not self._is_stopping:
            if len(self._in_flight) > MAX_IN_FLIGHT - BATCH:
                await self._wait_for_room()
                continue
            for message_class in classes:
                # Again from the first class after each batch: what came meanwhile overtakes.
                if await self._deliver_batch(message_class):
                    break
            else:
                return

    async def _deliver_batch(self, message_class: MessageClass) -> bool:
        """Claim one batch and send it off; say whether more of its class may be due."""
        batch = await self._in_claim_thread(_claim_and_compose, message_class, self._keyring)
        if batch is None:
            return False
        for result in batch.results:
            self._in_flight[result.outcome.claimed.id] = result.outcome.claimed
            self._settle(result)
        self._launch(batch.composed)
        return queue.may_have_left_some(batch.claimed, BATCH)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        await self._room.wait()

    def _launch(self, composed: list[Composed]) -> None:
        by_domain: dict[str, list[Composed]] = defaultdict(list)
        for one in composed:
            self._in_flight[one.claimed.id] = one.claimed
            if one.transaction is None:
                self._settle(outcomes.held(one.claimed, one.problem))
            else:
                by_domain[one.claimed.domain].append(one)
        for domain, group in by_domain.items():
            # Each domain by itself: one that DNS keeps waiting delays no other.
            self._spawn(self._send(domain, group))

    async def _send(self, domain: str, group: list[Composed]) -> None:
        try:
            site = self._site(await self._directory.exchangers(domain))
        except Unreachable as failure:
            for one in group:
                self._settle(outcomes.without_attempt(one.claimed, failure.reply))
            return
        except Exception:
            # A fault of ours must not hold recipients for ever.
            logger.exception("The exchangers of %s could not be found", domain)
            for one in group:
                self._settle(outcomes.held(one.claimed, "An error of ours; see the worker's log"))
            return
        if self._is_stopping:
            for one in group:
                self._settle(outcomes.given_back(one.claimed))
            return
        for one in group:
            assert one.transaction
            done = partial(self._finished, one.claimed)
            site.submit(Job(one.transaction, one.claimed.message_class, done))
        site.dispatch()

    def _site(self, exchangers: Exchangers) -> Site:
        if exchangers not in self._sites:
            self._sites[exchangers] = Site(exchangers, self._directory)
        return self._sites[exchangers]

    def _finished(self, claimed: Claimed, job: Job) -> None:
        if job.is_withdrawn:
            self._settle(outcomes.given_back(claimed))
        else:
            self._settle(outcomes.of_attempt(claimed, job))

    def _settle(self, result: Result) -> None:
        self._settling.put(result).add_done_callback(partial(self._forget, result.outcome.claimed))

    def _forget(self, claimed: Claimed, future: "asyncio.Future[None]") -> None:
        if future.exception():
            # Its lease runs out, and somebody tries again.
            logger.error("The outcome of recipient %s could not be written", claimed.id)
        self._in_flight.pop(claimed.id, None)
        self._room.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for exchangers, site in list(self._sites.items()):
                try:
                    site.tick()
                except Exception:
                    logger.exception("The watch over a site failed")
                if site.is_unused:
                    del self._sites[exchangers]

    async def _prolong(self) -> None:
        while True:
            await asyncio.sleep(PROLONG)
            if not self._in_flight:
                continue
            try:
                await self._in_claim_thread(queue.prolong, list(self._in_flight.values()))
            except Exception:
                logger.exception("Leases could not be prolonged")

    async def stop(self, seconds: float) -> None:
        """Claim nothing more, give back what has not begun, and let finish what has, for a while.

        What is still running after that keeps its lease, and is tried again when it runs out.
        """
        self._is_stopping = True
        self._room.set()
        for site in self._sites.values():
            site.withdraw_waiting()
        await self._wait_until_settled(seconds)
        for site in self._sites.values():
            site.close()
        await self._wait_until_settled(SETTLE_AT_END)

    async def _wait_until_settled(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._in_flight and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wait_for_room(), left)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_claim_thread(
        self, call: Callable[..., Value | None], *arguments: object
    ) -> Value | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._claiming, partial(_guarded, call, *arguments))


def _guarded(call: Callable[..., Value], *arguments: object) -> Value | None:
    """Call the database; where it is gone return None: the next doorbell finds it again."""
    try:
        return call(*arguments)
    except UNAVAILABLE as error:
        logger.error("PostgreSQL does not answer: %s", error)
        connection.close()
        return None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one claim has brought: recipients to send to, and those whose fate is known."""

    claimed: list[Claimed]
    composed: list[Composed]
    results: list[Result]


def _claim_and_compose(message_class: MessageClass, keyring: Keyring) -> Batch:
    claimed = queue.claim(message_class, BATCH)
    known = {result.outcome.claimed.id: result for result in _known_fates(claimed)}
    to_send = [one for one in claimed if one.id not in known]
    composed = compose_all(to_send, keyring) if to_send else []
    return Batch(claimed, composed, list(known.values()))


def _known_fates(claimed: list[Claimed]) -> Iterator[Result]:
    """Judge the recipients that nobody is to be asked about: suppressed ones, and tests."""
    if not claimed:
        return
    on_lists = suppressions.suppressed((one.account_id, _listed(one)) for one in claimed)
    for one in claimed:
        if (one.account_id, _listed(one)) in on_lists:
            yield outcomes.blocked(one, "suppressed", "The address is on the suppression list")
        elif one.is_test:
            yield outcomes.simulated(one, simulated.reply_to(one.address, one.attempt_number))


def _listed(one: Claimed) -> str:
    """Return the address of a recipient as suppression lists keep it."""
    return f"{one.address.rpartition('@')[0].lower()}@{one.domain}"


def _settle_until_taken(results: list[Result]) -> None:
    """Write results however long it takes: they happened, and nobody else knows of them."""
    while True:
        try:
            too_late = outcomes.write(results)
        except UNAVAILABLE as error:
            logger.error("PostgreSQL does not answer: %s", error)
            connection.close()
            time.sleep(SETTLE_AGAIN)
        else:
            if too_late:
                logger.warning("%d attempts ended after their lease had run out", too_late)
            return
