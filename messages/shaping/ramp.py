"""Spread the first connections of a worker: after a restart all that waited is due at once."""

import asyncio

# Connections at once, for whoever has little to send; then so many in the first second, and twice
# as many in each that follows.
AT_ONCE, FIRST = 10, 20
# Seconds until it is over.
LENGTH = 8


class Ramp:
    """Lets through few at first, soon more, and in the end everybody."""

    def __init__(self) -> None:
        self._started_at = asyncio.get_running_loop().time()
        self._next = self._started_at - AT_ONCE / FIRST

    async def turn(self) -> None:
        """Wait until it is one's turn."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now - AT_ONCE / FIRST)
        age = max(0.0, self._next - self._started_at)
        if age > LENGTH:
            return
        wait = self._next - now
        self._next += 1 / (FIRST * 2**age)
        if wait > 0:
            await asyncio.sleep(wait)
