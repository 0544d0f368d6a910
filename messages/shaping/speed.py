"""How fast a site takes mail, as far as one worker sees it."""

import time

# Of the estimate, what each second's count replaces.
WEIGHT = 0.3
# Seconds' worth of mail that a worker may hold for one site.
HORIZON = 10
# Seconds that a site which held too much takes no more than it may keep.
SLOW_FOR = 30
# Messages a second that any site is thought to take.
LEAST = 0.2


class Speed:
    """Counts what was answered, and says how much may wait here."""

    def __init__(self) -> None:
        self.per_second = 0.0
        self._answered = 0
        self._last = time.monotonic()
        self._is_new = True
        self._slow_until = 0.0
        self._keep = 0

    def count(self) -> None:
        """A message was answered."""
        self._answered += 1

    def tick(self) -> None:
        """Take stock. Called each second or so."""
        now = time.monotonic()
        if now - self._last < 1:
            return
        last = self._answered / (now - self._last)
        self.per_second += (last - self.per_second) * (1 if self._is_new else WEIGHT)
        self._answered, self._last, self._is_new = 0, now, False

    @property
    def estimate(self) -> float:
        return max(self.per_second, LEAST)

    def crowded(self, share: int) -> int:
        """The worker is full: return how many may wait here, and remember where that is few."""
        self._keep = max(share, int(self.per_second * HORIZON))
        self._slow_until = time.monotonic() + SLOW_FOR
        return self._keep

    def may_wait(self, waiting: int) -> bool:
        """Say whether one more may wait beside so many."""
        return waiting < self._keep or time.monotonic() > self._slow_until
