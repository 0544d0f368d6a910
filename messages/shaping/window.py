"""How many connections a worker opens to a site: more while all goes well, fewer when not.

As Postfix does it: only what befalls a connection counts, never what is said about a recipient.
"""

INITIAL = 5


class Window:
    """The number of connections that may be open at a time."""

    def __init__(self) -> None:
        self.size = INITIAL
        self._successes = 0

    def succeeded(self, in_use: int) -> bool:
        """A message was answered: as many in a row as there are connections make room for one.

        Says whether there is more room now.
        """
        self._successes += 1
        # Who does not use all there is learns nothing about more of it.
        if self._successes < self.size or in_use < self.size:
            return False
        self._successes = 0
        self.size += 1
        return True

    def failed(self) -> None:
        """A connection came to nothing, or broke before it had done anything."""
        self._successes = 0
        self.size = max(1, self.size - 1)

    def cut(self, size: int) -> None:
        """The site took so many connections and refused the next."""
        self._successes = 0
        self.size = max(1, min(self.size, size))
