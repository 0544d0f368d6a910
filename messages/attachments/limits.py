"""Bound what one message may cost. Nothing passes unseen behind a bound: the message is refused."""

MAX_DEPTH = 8  # encoded messages within encoded messages, archives within archives

# Ordinary mail stays at a tenth of these, at the most.
MOST = {
    "parts": 1000,
    "names of parts": 10_000,
    "octets behind names": 16 * 1024 * 1024,  # each name is looked for in some thousand of them
    "entries of archives": 50_000,  # a zip file has two for each of its files
    "pieces of signed messages": 100_000,  # programs make them of a thousand octets
    "octets to decode": 64 * 1024 * 1024,  # what was decoded may hold what must be decoded
    "octets in nested archives": 32 * 1024 * 1024,
}
MAX_FIELD = 64 * 1024  # octets of one field about a part
MAX_NAME = 4096  # octets: 255 characters, the most that a file system takes, in encoded words


class TooComplex(ValueError):
    """We cannot look through all of a message. Says why in one sentence."""


class Budget:
    """What is left to spend on one message."""

    def __init__(self) -> None:
        self.left = dict(MOST)

    def spend(self, thing: str, count: int = 1) -> None:
        """Take some away, or raise TooComplex."""
        self.left[thing] -= count
        if self.left[thing] < 0:
            raise TooComplex(f"The message holds more than {MOST[thing]} {thing}")


def limit_depth(depth: int) -> None:
    """Raise TooComplex where something is nested too deep."""
    if depth > MAX_DEPTH:
        raise TooComplex(f"The message is nested more than {MAX_DEPTH} times")


def limit_field(octets: bytes) -> None:
    """Raise TooComplex for a field that no ordinary name fills."""
    if len(octets) > MAX_FIELD:
        raise TooComplex(f"A field about an attachment has more than {MAX_FIELD} octets")


def limit_name(octets: bytes) -> None:
    """Raise TooComplex for a name that is none."""
    if len(octets) > MAX_NAME:
        raise TooComplex(f"An attachment has a name of more than {MAX_NAME} octets")
