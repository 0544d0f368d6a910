"""Remember who was asked to come again: the simulator's greylist."""

# Pairs of reverse-path and recipient that are remembered, about 20 MB of them.
MOST_GREYLISTED = 100_000


class Greylist:
    """The pairs of reverse-path and recipient that were asked to come again."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str], None] = {}  # oldest first

    def knows(self, reverse_path: str, recipient: str) -> bool:
        """Tell whether the pair was seen before; from now on it was."""
        pair = (reverse_path, recipient)
        if pair in self.pairs:
            return True
        self.pairs[pair] = None
        if len(self.pairs) > MOST_GREYLISTED:
            self.pairs.clear()  # whoever waits is only asked once more
        return False
