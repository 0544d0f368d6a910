"""Jobs of delivery, and the lines in which they wait at a site: by class, and fair to accounts."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from accounts.message_class import MessageClass
from messages.smtp.client import Transaction
from messages.smtp.replies import Reply
from messages.transfer import Connection, Contact

# A transaction that a dying connection left unanswered is tried on another one at once, so often.
MAX_RETURNS = 2
IN_DOUBT = Reply(451, "4.4.2", "Connection lost after the final dot; it may have arrived")
LOST = Reply(451, "4.4.2", "The connection was lost before the message was sent")


# An account, by id, and a class: whose turn something is.
Whose = tuple[int, MessageClass]


@dataclass(frozen=True, slots=True)
class PutOff:
    """Why a job goes back to the queue without an attempt, and when it is due again."""

    due_at: datetime
    why: str  # in words, for whoever looks at the recipient
    reply: Reply | None = None  # what the site had said, the end of a message that expires by then


def nobody() -> Contact:
    return Contact("")


@dataclass(slots=True, eq=False)
class Job:
    """A transaction on its way, and whom to tell how it ended."""

    transaction: Transaction
    message_class: MessageClass
    done: Callable[["Job"], None]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    contact: Contact = field(default_factory=nobody)  # whom it was given to
    is_first: bool = False  # of its connection, whose making is part of the story
    returns: int = 0
    is_in_doubt: bool = False  # the reply to the final dot was lost
    is_withdrawn: bool = False  # it was never begun, and may go to another worker
    put_off: PutOff | None = None  # it was never begun, and is not to be for a while
    account_id: int = 0

    @property
    def whose(self) -> Whose:
        return self.account_id, self.message_class

    def begin_on(self, connection: Connection) -> None:
        """Begin the transaction, and note where."""
        self.started_at = datetime.now(UTC)
        self.contact = connection.contact
        self.is_first = connection.is_fresh
        connection.begin(self.transaction)

    def came_as_far_as(self, contact: Contact) -> None:
        """Note whom we called for it in vain."""
        self.contact, self.is_first = contact, True
        took = sum(seconds for _, seconds in contact.phases)
        self.started_at = datetime.now(UTC) - timedelta(seconds=took)

    @property
    def dialogue(self) -> list[str]:
        """All that was said: of the first one, how the connection was made as well."""
        return [*self.contact.dialogue * self.is_first, *self.transaction.dialogue]

    @property
    def phases(self) -> list[tuple[str, float]]:
        """The phases, and the seconds that each took."""
        return [*self.contact.phases * self.is_first, *self.transaction.phases]

    def can_begin_again(self) -> bool:
        """Say whether to begin once more after the connection was lost; if not, it is settled."""
        if self.transaction.verdict:
            self.finish(self.transaction.verdict)
        elif self.transaction.content_sent:
            # It may have arrived (RFC 1047): no other exchanger is tried now.
            self.is_in_doubt = True
            self.finish(IN_DOUBT)
        elif self.returns == MAX_RETURNS:
            self.finish(LOST)
        else:
            self.returns += 1
            self.contact = nobody()
            self.transaction.dialogue.clear()
            self.transaction.phases.clear()
            return True
        return False

    def start_over(self) -> None:
        """Leave the transaction to the connection that it hangs on, and take a fresh one."""
        old = self.transaction
        self.contact = nobody()
        self.transaction = Transaction(old.reverse_path, old.recipient, old.letter)

    def finish(self, reply: Reply) -> None:
        """Settle with a reply, unless the exchanger has spoken already."""
        self.transaction.verdict = self.transaction.verdict or reply
        self.ended_at = datetime.now(UTC)
        self.done(self)


class Line:
    """Those of one class who wait: each account has its turn after each other's (delivery S10)."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[int, deque[Job]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, job: Job) -> None:
        """Put a job behind those of its account."""
        self._jobs_of(job).append(job)

    def put_back(self, job: Job) -> None:
        """Put a job that was begun before all others."""
        self._jobs_of(job).appendleft(job)
        self._accounts.move_to_end(job.account_id, last=False)

    def _jobs_of(self, job: Job) -> deque[Job]:
        self._length += 1
        return self._accounts.setdefault(job.account_id, deque())

    def pop(self) -> Job:
        """Take the next job of the account whose turn it is."""
        account_id, jobs = next(iter(self._accounts.items()))
        job = jobs.popleft()
        self._length -= 1
        if jobs:
            self._accounts.move_to_end(account_id)
        else:
            del self._accounts[account_id]
        return job

    @property
    def accounts(self) -> Set[int]:
        """Who waits, by id."""
        return self._accounts.keys()

    def of_account(self, account_id: int) -> int:
        """Return how many of an account wait."""
        return len(self._accounts.get(account_id, ()))

    def pop_last(self, accounts: Set[int]) -> Job:
        """Take the job that would wait longest: the last one of whoever of these has most."""
        account_id = max(self.accounts & accounts, key=self.of_account)
        jobs = self._accounts[account_id]
        job = jobs.pop()
        self._length -= 1
        if not jobs:
            del self._accounts[account_id]
        return job


class Lines:
    """One line a class; the first that is not empty is always served first."""

    def __init__(self) -> None:
        self._lines = {one: Line() for one in MessageClass}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def __getitem__(self, message_class: MessageClass) -> Line:
        return self._lines[message_class]

    def append(self, job: Job) -> None:
        """Put a job into the line of its class."""
        self._lines[job.message_class].append(job)

    def put_back(self, job: Job) -> None:
        """Put a job that was begun before all others of its class."""
        self._lines[job.message_class].put_back(job)

    def first(self, least: MessageClass = MessageClass.DIGEST) -> MessageClass | None:
        """Return the most urgent class that waits, down to the least urgent one asked for."""
        return next((one for one, line in self._lines.items() if line and one <= least), None)

    def pop(self, least: MessageClass = MessageClass.DIGEST) -> Job | None:
        """Take the most urgent job, of `least` urgency at the least."""
        message_class = self.first(least)
        return None if message_class is None else self._lines[message_class].pop()

    def drain(self) -> Iterator[Job]:
        """Take all jobs, the most urgent first."""
        while job := self.pop():
            yield job

    @property
    def accounts(self) -> set[int]:
        """Who waits in any line, by id."""
        return set[int]().union(*(line.accounts for line in self._lines.values()))

    def of_account(self, account_id: int) -> int:
        """Return how many of an account wait in all lines."""
        return sum(line.of_account(account_id) for line in self._lines.values())

    def pop_last(self, accounts: Set[int]) -> Job | None:
        """Take the job of these accounts that would wait longest, of the least urgent class."""
        for line in reversed(self._lines.values()):
            if not accounts.isdisjoint(line.accounts):
                return line.pop_last(accounts)
        return None
