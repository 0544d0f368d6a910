"""What workers tell each other, and staff, about sites: by Redis, where it runs out by itself."""

import contextlib
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from messages import spreading
from messages.shaping import scripts
from messages.shaping.gate import Link, RedisAway
from messages.shaping.measures import REMEMBERED, Measure, Measures
from messages.shaping.rules import Rule

# Seconds that what a worker has told counts.
FRESH = 10
HOUR = 3600
RESUMED = "resumed at"


class Bulletin:
    """What one worker writes and reads."""

    def __init__(self, link: Link, namespace: str = "shaping") -> None:
        self._link = link
        self._namespace = namespace
        self._worker = uuid.uuid4().hex
        self._strikes: dict[tuple[str, str], list[float]] = {}  # while Redis is away

    async def impose(self, site: str, measure: Measure) -> None:
        """Tell all workers of a measure."""
        key = _measures(self._namespace, site)
        pipeline = self._link.redis.pipeline(transaction=False)
        pipeline.hset(key, measure.name, measure.to_json())
        pipeline.expire(key, int(max(0, measure.until - time.time())) + REMEMBERED)
        await self._tell(pipeline)

    async def lift(self, site: str, name: str) -> None:
        """Tell all workers that a measure is over before its time."""
        pipeline = self._link.redis.pipeline(transaction=False)
        pipeline.hdel(_measures(self._namespace, site), name)
        await self._tell(pipeline)

    async def strike(self, site: str, rule: Rule) -> bool:
        """Count a reply that fits a rule; say whether that was once too often within an hour."""
        if rule.times == 1:
            return True
        key = f"{self._namespace}:site:{site}:strikes:{rule.name}"
        now = time.time()
        pipeline = self._link.redis.pipeline()
        pipeline.zadd(key, {uuid.uuid4().hex: now})
        pipeline.zremrangebyscore(key, "-inf", now - HOUR)
        pipeline.expire(key, HOUR)
        pipeline.zcard(key)
        try:
            count = (await self._link.ask(pipeline.execute()))[-1]
        except RedisAway:
            strikes = self._strikes.setdefault((site, rule.name), [])
            strikes[:] = [at for at in strikes if at > now - HOUR] + [now]
            count = len(strikes)
        return bool(count >= rule.times)

    async def tell_destination(self, domain: str, destination: str) -> None:
        """Tell the doors who takes the mail of a domain, by which they spread digests."""
        key = spreading.destination_key(domain)
        pipeline = self._link.redis.pipeline(transaction=False)
        pipeline.set(key, destination, ex=spreading.KNOWN_FOR)
        await self._tell(pipeline)

    async def publish(self, status: Sequence[dict[str, Any]]) -> int:
        """Tell staff of our sites; return how many workers there are, 0 where Redis is away."""
        now = time.time()
        pipeline = self._link.redis.pipeline(transaction=False)
        workers = f"{self._namespace}:workers"
        pipeline.zadd(workers, {self._worker: now + FRESH})
        pipeline.zremrangebyscore(workers, "-inf", now)
        pipeline.zcard(workers)
        pipeline.set(f"{self._namespace}:worker:{self._worker}", json.dumps(status), ex=FRESH)
        # Before anybody opens a connection, or the first of all would be kept waiting.
        pipeline.eval(scripts.BEGIN, 1, f"{self._namespace}:epoch")
        try:
            return int((await self._link.ask(pipeline.execute()))[2])
        except RedisAway:
            return 0

    async def share_paces(self, ours: Mapping[str, float]) -> dict[str, float]:
        """Tell how many messages a second our sites take of us; return what they take of all.

        Empty where Redis is away.
        """
        key, now = f"{self._namespace}:paces", time.time()
        pipeline = self._link.redis.pipeline(transaction=False)
        pipeline.hset(key, self._worker, json.dumps([now, ours]))
        pipeline.expire(key, FRESH)
        pipeline.hgetall(key)
        try:
            told = (await self._link.ask(pipeline.execute()))[-1]
        except RedisAway:
            return {}
        paces: dict[str, float] = defaultdict(float)
        for worker, text in told.items():
            told_at, theirs = json.loads(text)
            if told_at > now - FRESH:
                for site, pace in theirs.items():
                    paces[site] += pace
            else:
                await self._tell(self._link.redis.pipeline().hdel(key, worker))
        return dict(paces)

    async def hear(self, sites: Mapping[str, Measures]) -> None:
        """Learn what the others do about sites, and tell again what Redis has forgotten."""
        pipeline = self._link.redis.pipeline(transaction=False)
        for site in sites:
            pipeline.hgetall(_measures(self._namespace, site))
        try:
            shared = await self._link.ask(pipeline.execute())
        except RedisAway:
            return
        for (site, measures), theirs in zip(sites.items(), shared, strict=True):
            await self._agree(site, measures, theirs)

    async def _agree(self, site: str, measures: Measures, theirs: dict[str, str]) -> None:
        measures.resumed(float(theirs.pop(RESUMED, 0)))
        for measure in measures.missing_in(theirs):
            await self.impose(site, measure)
        for text in theirs.values():
            measures.add(Measure.from_json(text))

    async def _tell(self, pipeline: Any) -> None:
        with contextlib.suppress(RedisAway):  # measures are told again as soon as it is back
            await self._link.ask(pipeline.execute())


def _measures(namespace: str, site: str) -> str:
    return f"{namespace}:site:{site}:measures"


def read(connection: Any, namespace: str = "shaping") -> list[dict[str, Any]]:
    """Return what all workers tell of their sites now, one entry a worker and site."""
    keys = [
        f"{namespace}:worker:{worker.decode()}"
        for worker in connection.zrangebyscore(f"{namespace}:workers", time.time(), "+inf")
    ]
    told = connection.mget(keys) if keys else []
    return [entry for text in told if text for entry in json.loads(text)]


def resume(connection: redis.Redis, site: str, namespace: str = "shaping") -> None:
    """End all that is done about a site, in every worker."""
    key = _measures(namespace, site)
    pipeline = connection.pipeline()
    pipeline.delete(key, f"{namespace}:site:{site}:ceiling")
    pipeline.hset(key, RESUMED, str(time.time()))
    pipeline.expire(key, REMEMBERED)
    pipeline.execute()
