"""Slots of connections and rates, which all workers share through Redis.

Redis holds leases, no truth: one that is new learns from the workers within a second who holds
what; until then nobody opens a connection who knew the old one. Where it stays away, each worker
keeps to its share of every limit.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import redis.asyncio
from django.conf import settings

from accounts.message_class import MessageClass
from messages.shaping import local_share, scripts
from messages.shaping.local_share import LocalShare
from messages.shaping.scope import Rate, Scope, Slot, Wait, Wanted

logger = logging.getLogger(__name__)

# Seconds that a slot outlives its worker.
LEASE = 10
# Seconds in which a new Redis hears from all workers; they renew each second.
GRACE = 3
# Seconds until somebody asks again who must not go by his share.
SOON = GRACE / 10
# Seconds that a site which refused one connection too many is not asked to bear more.
CEILING = 60
# Seconds that Redis may take; and that it is left alone after it did not answer.
PATIENCE, LEAVE_ALONE = 0.5, 1
# Seconds after which a Redis that does not come back is done without: first whoever holds more than
# his share gives that up, then whoever holds less takes his.
YIELD_AFTER, ALONE_AFTER = 2, 4
# How many workers there are where Redis never said so.
WORKERS = 3

Value = TypeVar("Value")


class RedisAway(Exception):
    """Redis does not answer now."""


class Link:
    """A connection to Redis that never keeps anybody waiting, and never raises anything else."""

    def __init__(self) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            decode_responses=True,
            retry=None,
        )
        self._away_until = 0.0
        self._away_since: float | None = None
        self._known_since: float | None = None

    @property
    def seconds_known(self) -> float:
        """How long ago Redis has answered for the first time."""
        return 0.0 if self._known_since is None else time.monotonic() - self._known_since

    @property
    def seconds_away(self) -> float:
        """For how long Redis has not answered."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    @property
    def redis(self) -> "redis.asyncio.Redis":
        return self._redis

    async def ask(self, question: Awaitable[Value]) -> Value:
        """Return what Redis answers. Raises RedisAway."""
        if time.monotonic() < self._away_until:
            if asyncio.iscoroutine(question):
                question.close()
            raise RedisAway
        try:
            async with asyncio.timeout(2 * PATIENCE):
                answer = await question
        except (redis.RedisError, OSError) as error:
            logger.warning("Redis does not answer, each worker keeps to its share: %r", error)
            now = time.monotonic()
            self._away_until, self._away_since = now + LEAVE_ALONE, self._away_since or now
            raise RedisAway from error
        self._away_since = None
        self._known_since = self._known_since or time.monotonic()
        return answer

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.aclose()


class Gate:
    """Gives out the slots and the places of one worker."""

    def __init__(self, link: Link, namespace: str = "shaping") -> None:
        self.workers = WORKERS
        self._link = link
        self._namespace = namespace
        self._share = LocalShare()
        self._held: dict[str, dict[str, Slot]] = defaultdict(dict)  # by scope, by token
        self._limits: dict[str, int] = {}  # of the scopes in which we hold some
        self._has_known = False  # Redis has told what the others hold
        self._releases: set[asyncio.Task[None]] = set()
        script = link.redis.register_script
        self._acquire, self._take = script(scripts.ACQUIRE), script(scripts.TAKE)
        self._refused = script(scripts.REFUSED)

    def _key(self, name: str) -> str:
        return f"{self._namespace}:{name}"

    async def acquire(self, scopes: Sequence[Scope], message_class: MessageClass) -> Slot | Wait:
        """Return a slot for a connection that serves a class, or how long there is none."""
        token = f"{message_class.value}:{secrets.token_hex(8)}"
        slot = Slot(token, message_class, tuple(scope.key for scope in scopes))
        wait = await self._wait(scopes, slot)
        if wait:
            return wait
        for scope in scopes:
            self._held[scope.key][token] = slot
            self._limits[scope.key] = scope.connections or 0
        return slot

    async def _wait(self, scopes: Sequence[Scope], slot: Slot) -> Wait | None:
        keys, arguments = [self._key("epoch")], _arguments(slot)
        for scope in scopes:
            keys += [self._key(f"{scope.key}:{what}") for what in ("slots", "ceiling", "wanted")]
            keys.append(self._key(scope.rate.key if scope.rate else f"{scope.key}:no-rate"))
            arguments.append(scope.connections or 0)
            arguments += [*_bucket(scope.rate), int(not self._held.get(scope.key))]
        await self.released()
        try:
            verdict, number = await self._link.ask(self._acquire(keys, arguments))
        except RedisAway:
            verdict, number = -1, 0
            if self._link.seconds_known and self._link.seconds_away < ALONE_AFTER:
                return Wait(SOON)  # the others may hold more than their shares yet
        else:
            if verdict < 0 and (self._has_known or self._link.seconds_known > GRACE):
                return Wait(SOON)  # it lost its memory, and the others hold what they held
            self._has_known = verdict >= 0
        if verdict < 0:
            held = defaultdict(Counter, {key: self._classes(key) for key in slot.scopes})
            return self._share.room(scopes, slot.message_class, held, self.workers)
        return None if verdict else Wait(number / 1000)

    def _classes(self, key: str) -> Counter[MessageClass]:
        return Counter(slot.message_class for slot in self._held[key].values())

    def release(self, slot: Slot) -> None:
        """Give a slot back; whoever asks from now on finds it free."""
        self._forget(slot)
        task = asyncio.create_task(self._release(slot))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    async def released(self) -> None:
        """Wait until Redis knows of all slots that were given back."""
        if self._releases:
            await asyncio.wait(self._releases)

    async def _release(self, slot: Slot) -> None:
        pipeline = self._link.redis.pipeline(transaction=False)
        for key in slot.scopes:
            pipeline.zrem(self._key(f"{key}:slots"), slot.token)
        with contextlib.suppress(RedisAway):  # it runs out by itself
            await self._link.ask(pipeline.execute())

    async def refused(self, slot: Slot) -> int:
        """Give back a slot whose connection came to nothing; return how many others there are.

        Where there are others, that is all the site bears for now.
        """
        self._forget(slot)
        await self.released()
        site, *groups = slot.scopes
        try:
            for key in groups:
                await self._link.ask(self._link.redis.zrem(self._key(f"{key}:slots"), slot.token))
            keys = [self._key(f"{site}:slots"), self._key(f"{site}:ceiling")]
            return int(await self._link.ask(self._refused(keys, [slot.token, CEILING * 1000])))
        except RedisAway:
            return len(self._held.get(site, ()))

    def _forget(self, slot: Slot) -> None:
        for key in slot.scopes:
            held = self._held[key]
            held.pop(slot.token, None)
            if not held:
                del self._held[key]
                self._limits.pop(key, None)

    def surplus(self) -> set[str]:
        """Return the tokens of slots beyond our shares, the least urgent, while Redis is away.

        Those who hold less may take theirs soon, and together we must not exceed the limit.
        """
        if self._link.seconds_away < YIELD_AFTER:
            return set()
        tokens: set[str] = set()
        for key, slots in self._held.items():
            if limit := self._limits[key]:
                most = local_share.of(limit, self.workers)
                tokens.update(sorted(slots, reverse=True)[: max(0, len(slots) - most)])
        return tokens

    async def renew(self) -> dict[str, Wanted]:
        """Keep all slots; return where another worker waits for one that we may have to spare."""
        held = {key: list(slots) for key, slots in self._held.items() if slots}
        if not held:
            return {}
        pipeline = self._link.redis.pipeline(transaction=False)
        for key, tokens in held.items():
            keys = [self._key(f"{key}:slots"), self._key(f"{key}:wanted")]
            pipeline.eval(scripts.RENEW, len(keys), *keys, str(int(LEASE * 1000)), *tokens)
        try:
            wanted = await self._link.ask(pipeline.execute())
        except RedisAway:
            return {}
        return {
            key: Wanted(MessageClass(int(asked) // 2), by_one_without=int(asked) % 2 == 0)
            for key, asked in zip(held, wanted, strict=True)
            if asked is not None
        }

    async def take(self, rates: Sequence[Rate], number: int) -> tuple[int, float]:
        """Take places for up to so many messages: how many there are, or how long there are none.

        Without rates there is nothing to take.
        """
        keys = [self._key(rate.key) for rate in rates]
        arguments: list[Any] = [number]
        for rate in rates:
            arguments += _bucket(rate)
        try:
            taken, wait = await self._link.ask(self._take(keys, arguments))
        except RedisAway:
            return self._share.take(rates, number, self.workers)
        return int(taken), wait / 1000


def _arguments(slot: Slot) -> list[Any]:
    return [slot.token, slot.message_class.value, int(LEASE * 1000), int(GRACE * 1000)]


def _bucket(rate: Rate | None) -> list[int]:
    return [max(1, round(rate.interval * 1000)), rate.burst] if rate else [0, 0]
