"""Keep the messages that the simulator received: the newest of them, and counts of all."""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from messages.simulated import Outcome

# The newest messages that are kept, whichever bound is met first.
MOST_MESSAGES = 50_000
MOST_OCTETS = 512 * 1024 * 1024

# Reverse-paths that are remembered to tell a second copy: about 60 octets of memory for each.
# Later ones are not remembered, so that their second copies go unnoticed.
MOST_REVERSE_PATHS = 5_000_000


@dataclass(frozen=True, slots=True)
class Captured:
    """One message as it was received for one recipient."""

    id: int
    recipient: str
    reverse_path: str
    received_at: datetime
    content: bytes


class Store:
    """The mailboxes of everybody in the simulated world."""

    def __init__(self, *, keep_content: bool = True) -> None:
        self.keep_content = keep_content  # False: only the counts
        self.last_id = 0  # never starts again, so that an id is never used twice
        self.clear()

    def clear(self) -> None:
        """Forget all messages and counts."""
        self.messages: OrderedDict[int, Captured] = OrderedDict()  # oldest first
        self.octets = 0
        self.received = 0
        self.duplicates = 0
        self.by_outcome: Counter[str] = Counter()
        self.by_domain: Counter[str] = Counter()
        self.reverse_paths: set[int] = set()

    def count_refused(self, outcome: Outcome) -> None:
        """Count a recipient that was refused."""
        self.by_outcome[outcome.value] += 1

    def receive(
        self, reverse_path: str, recipients: Sequence[tuple[str, Outcome]], content: bytes
    ) -> None:
        """Take the content of one transaction for the recipients that were accepted in it."""
        if self.is_duplicate(reverse_path):
            self.duplicates += len(recipients)
        for recipient, outcome in recipients:
            self.received += 1
            self.by_outcome[outcome.value] += 1
            self.by_domain[recipient.rpartition("@")[2].lower()] += 1
            if self.keep_content:
                self.keep(reverse_path, recipient, content)

    def is_duplicate(self, reverse_path: str) -> bool:
        """Tell whether a message came before under a reverse-path; from now on it did.

        Ours names one message and one recipient, so a second use of it is a second copy. The
        empty one, of notifications, names nothing.
        """
        if not reverse_path:
            return False
        known = hash(reverse_path)  # 64 bits: among 5 million one false alarm in a million runs
        if known in self.reverse_paths:
            return True
        if len(self.reverse_paths) < MOST_REVERSE_PATHS:
            self.reverse_paths.add(known)
        return False

    def keep(self, reverse_path: str, recipient: str, content: bytes) -> None:
        """Keep one message, and let go of the oldest ones while there are too many."""
        self.last_id += 1
        self.messages[self.last_id] = Captured(
            self.last_id, recipient, reverse_path, datetime.now(UTC), content
        )
        self.octets += len(content)
        while len(self.messages) > MOST_MESSAGES or self.octets > MOST_OCTETS:
            _, oldest = self.messages.popitem(last=False)
            self.octets -= len(oldest.content)

    def find(self, id: int) -> Captured | None:
        """Return one message, if it is still kept."""
        return self.messages.get(id)

    def addressed_to(self, recipient: str | None, after: int = 0) -> Iterator[Captured]:
        """Yield the messages for one recipient (None: for all), oldest first."""
        wanted = recipient.lower() if recipient is not None else None
        for message in self.messages.values():
            if message.id > after and wanted in (None, message.recipient.lower()):
                yield message

    def stats(self) -> dict[str, object]:
        """Return all counts, which are of everything received and not only of what is kept."""
        return {
            "received": self.received,
            "duplicates": self.duplicates,
            "by_outcome": dict(self.by_outcome),
            "by_domain": dict(self.by_domain),
        }
