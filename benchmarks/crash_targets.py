"""Whom the crash test kills, and how: each process of the product, without a word."""

import contextlib
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
import redis

from benchmarks import meter
from benchmarks.product import Product, ProductError
from cloudmta import embedded

# Seconds until who was killed must be there again.
BACK_WITHIN = 60
LOOK_EVERY = 0.1
PARENT, CHILD = "parent", "child"
FLUSHED = "redis FLUSHALL"


@dataclass(frozen=True, slots=True)
class Target:
    """A process by its name in the Procfile; of a family either the parent or one child."""

    name: str
    member: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.member}".rstrip()

    @property
    def leaves_attempts(self) -> bool:
        """Whether its death may lead to second copies of what is in flight."""
        return self.name in ("priority", "standard", "digest", "postgres")


TARGETS = (
    Target("submission", PARENT), Target("submission", CHILD),
    Target("bounces", PARENT), Target("bounces", CHILD),
    Target("priority"), Target("standard"), Target("digest"), Target("webhooks"),
    Target("housekeeping"), Target("beat"),
    Target("web", PARENT), Target("web", CHILD),
    Target("redis"), Target(FLUSHED), Target("postgres"),
)  # fmt: skip


def deck(chance: random.Random) -> Iterator[Target]:
    """Yield targets in random order for ever, none a second time before all had their turn."""
    while True:
        yield from chance.sample(TARGETS, len(TARGETS))


class Killer:
    """Finds the processes of a product, and kills them."""

    def __init__(self, product: Product, chance: random.Random) -> None:
        self._product = product
        self._chance = chance
        self._supervisor = psutil.Process(product.pid)

    def kill(self, target: Target, look: Callable[[], int]) -> tuple[int, float]:
        """Kill a target and wait until it is there again.

        Returns what `look` saw at the moment of its death, and how many seconds it was away.
        """
        if target.name == FLUSHED:
            redis.Redis.from_url(embedded.redis_url(self._product.var_dir)).flushall()
            return 0, 0.0
        victim, size = self._member(target), len(self._family(target))
        if target.name == "postgres":
            # Its immediate shutdown; of a stopped one nobody could ask what is in flight.
            seen, number = look(), signal.SIGQUIT
        else:
            victim.suspend()  # so that it does nothing between the look and its death
            seen, number = look(), signal.SIGKILL
        begun = time.monotonic()
        victim.send_signal(number)
        self._wait_for_successor(target, victim, size)
        return seen, time.monotonic() - begun

    def _member(self, target: Target) -> psutil.Process:
        """Return the process that is meant. Raises ProductError where it is missing."""
        deadline = time.monotonic() + BACK_WITHIN
        while time.monotonic() < deadline:
            if family := self._family(target):
                return self._chance.choice(family)
            time.sleep(LOOK_EVERY)
        raise ProductError(f"There was no {target} for {BACK_WITHIN} s")

    def _family(self, target: Target) -> list[psutil.Process]:
        """Return the processes that a target may be: one, or the children of that one."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in self._supervisor.children():
                if meter.name_of(process.cmdline()) == target.name:
                    return process.children() if target.member == CHILD else [process]
        return []

    def _wait_for_successor(self, target: Target, victim: psutil.Process, size: int) -> None:
        deadline = time.monotonic() + BACK_WITHIN
        while time.monotonic() < deadline:
            family = self._family(target)
            if victim not in family and len(family) >= size and self._opens(target):
                return
            time.sleep(LOOK_EVERY)
        raise ProductError(f"{target} did not come back within {BACK_WITHIN} s")

    def _opens(self, target: Target) -> bool:
        """Say whether what listens behind a target takes connections."""
        if target.name == "postgres":
            with contextlib.suppress(embedded.EmbeddedError):
                embedded.wait_for_postgres(self._product.var_dir, seconds=0)
                return True
            return False
        facts = self._product.facts
        ports = {
            "submission": facts["smtp_port"],
            "web": int(facts["dashboard_url"].rstrip("/").rpartition(":")[2]),
        }
        if target.name not in ports:
            return True
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", ports[target.name])) == 0
