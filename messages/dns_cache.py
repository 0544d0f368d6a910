"""Remember what DNS said for as long as it holds, and ask once for what many want to know."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

# Seconds that an answer is believed: a minute at least, so that a flood asks once; an hour at most.
MIN_TTL, MAX_TTL = 60, 3600
MAX_NAMES = 50_000

Value = TypeVar("Value")


class Failure(Exception):
    """Nothing was found. Holds for so many seconds, and then is asked again."""

    def __init__(self, text: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(text)


class Cache(Generic[Value]):
    """Answers by name, failures among them.

    `look_up` returns a value and its seconds to live, or raises `failure`.
    """

    def __init__(
        self, look_up: Callable[[str], Awaitable[tuple[Value, float]]], failure: type[Failure]
    ) -> None:
        self._look_up = look_up
        self._failure = failure
        self._known: dict[str, tuple[float, Value | Exception]] = {}
        self._running: dict[str, asyncio.Task[Value | Exception]] = {}

    async def get(self, name: str) -> Value:
        """Return what is known of a name, or find it out. Raises what the look-up raises."""
        until, value = self._known.get(name, (0, None))
        if value is None or until <= time.monotonic():
            if name not in self._running:
                self._running[name] = asyncio.create_task(self._find(name))
            # Whoever gives up waiting must not take the answer from the others.
            value = await asyncio.shield(self._running[name])
        if isinstance(value, Exception):
            raise value.with_traceback(None)
        return value

    def knows(self, name: str) -> bool:
        """Say whether the answer is here, good or bad."""
        return name in self._known and self._known[name][0] > time.monotonic()

    async def _find(self, name: str) -> Value | Exception:
        """Look a name up. A failure is returned: perhaps nobody is left to whom to raise it."""
        try:
            value, ttl = await self._look_up(name)
        except self._failure as error:
            return self._keep(name, error, error.seconds)
        finally:
            del self._running[name]
        return self._keep(name, value, min(max(ttl, MIN_TTL), MAX_TTL))

    def _keep(self, name: str, value: Value | Exception, ttl: float) -> Value | Exception:
        if len(self._known) >= MAX_NAMES:
            self._known.clear()  # rare, and costs only look-ups
        self._known[name] = (time.monotonic() + ttl, value)
        return value
