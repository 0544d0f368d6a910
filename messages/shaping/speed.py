"""How fast a site takes mail, as far as one worker sees it."""

import time

# Of the estimate, what each second's count replaces.
WEIGHT = 0.3
# Seconds' worth of mail that a worker may hold for one site.
HORIZON = 10
# Seconds that a site which held too much takes no more than it may keep.
SLOW_FOR = 30
# Busy seconds that are watched before a site may be thought slow: the first go by in opening
# connections.
KNOWN_AFTER = 3
# Messages a second that any site is thought to take, and that one takes of which nothing is known.
LEAST, UNKNOWN = 0.2, 1000.0


class Speed:
    """Counts what was answered, and says how much may wait here."""

    def __init__(self) -> None:
        self.per_second = 0.0
        self._answered = 0
        self._last = time.monotonic()
        self._measured, self._was_busy = 0, False
        self._slow_until = 0.0
        self._share = 0  # as of when it last held too much

    def count(self) -> None:
        """A message was answered."""
        self._answered += 1

    def tick(self, *, is_busy: bool) -> None:
        """Take stock. Called each second or so.

        Only a second with work from its beginning to its end says something: who has nothing to do
        is not slow.
        """
        now = time.monotonic()
        if now - self._last < 1:
            return
        if is_busy and self._was_busy:
            last = self._answered / (now - self._last)
            self._measured = min(self._measured + 1, KNOWN_AFTER)
            self.per_second += (last - self.per_second) * max(WEIGHT, 1 / self._measured)
        self._answered, self._last, self._was_busy = 0, now, is_busy

    @property
    def estimate(self) -> float:
        return UNKNOWN if self._measured < KNOWN_AFTER else max(self.per_second, LEAST)

    def fits(self, share: int) -> int:
        """Return how many may wait here in a full worker."""
        return max(share, int(self.estimate * HORIZON))

    @property
    def keeps(self) -> int:
        """How many may wait here while the site is slow."""
        return self.fits(self._share)

    def crowded(self, share: int) -> int:
        """More than that wait: return how many may, and remember it."""
        self._share = share
        self._slow_until = time.monotonic() + SLOW_FOR
        return self.keeps

    def may_wait(self, waiting: int) -> bool:
        """Say whether one more may wait beside so many."""
        return waiting < self.keeps or time.monotonic() > self._slow_until
