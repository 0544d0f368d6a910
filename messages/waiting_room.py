"""Who waits at a site, and all the ways to leave without having been served."""

import time
from collections.abc import Set

from accounts.message_class import MessageClass
from messages.jobs import Job, Lines, PutOff, Whose
from messages.shaping.measures import Measure
from messages.shaping.speed import Speed
from messages.shaping.standing import Standing
from messages.smtp.replies import Reply
from messages.transfer import Contact

# The least that may wait here, and of one account, however full the worker is.
LEAST_SHARE = 5


class WaitingRoom:
    """The lines of one site. It never holds much more than the site serves in some seconds."""

    def __init__(self, standing: Standing) -> None:
        self.lines = Lines()
        self.speed = Speed()
        self.pace_of_all = 0.0  # messages a second that the site takes of all workers together
        self._standing = standing
        self._since = 0.0  # when somebody came into the empty room

    def __len__(self) -> int:
        return len(self.lines)

    def turn_away(self, whose: Whose) -> PutOff | None:
        """Return until when mail of an account and class waits, and why; None: it may come."""
        if measure := self._standing.suspension:
            return self._standing.put_off(measure, whose)
        if self._has_place(whose):
            return None
        return self._standing.put_off_for_rate(self._pace, whose)

    @property
    def full_for(self) -> set[int]:
        """The accounts, by id, for which there is no place, but for priority."""
        if self.speed.may_wait(len(self)):
            return set()
        share = self._share
        return {one for one in self.lines.accounts if self.lines.of_account(one) >= share}

    @property
    def _share(self) -> int:
        # Where the room is full, who has less than others in it may come all the same.
        return max(LEAST_SHARE, self.speed.keeps // (len(self.lines.accounts) + 1))

    @property
    def _pace(self) -> float:
        # Not ours alone: whom we cannot serve another worker may, at once.
        return max(self.speed.estimate, self.pace_of_all)

    def _has_place(self, whose: Whose) -> bool:
        account_id, message_class = whose
        return (
            self.speed.may_wait(len(self))
            or message_class is MessageClass.PRIORITY
            or self.lines.of_account(account_id) < self._share
        )

    def submit(self, job: Job) -> None:
        """Put a job in line, or off where there is no room; its `done` is called when it ended."""
        if self._has_place(job.whose):
            self._since = self._since if len(self) else time.monotonic()
            self.lines.append(job)
        else:
            self._put_off(job, self._pace)

    def withdraw(self) -> None:
        """Hand back, unbegun, whatever still stands in line."""
        for job in self.lines.drain():
            job.is_withdrawn = True
            job.done(job)

    def suspend(self, measure: Measure) -> None:
        """Put off everything for as long as nothing is sent to the site."""
        for job in self.lines.drain():
            job.put_off = self._standing.put_off(measure, job.whose)
            job.done(job)

    def wait_for_rate(self, gap: float) -> None:
        """Put off everything: the site takes one message or connection each `gap` seconds."""
        self._put_all_off(1 / gap)

    def gives_up(self, wait: float, patience: float) -> bool:
        """Put off everything where a first connection is too long in coming; say whether it is.

        `wait` is until the next may be asked for, in seconds. Others may have all there are: what
        goes back to the queue they take from there.
        """
        if wait > patience:
            self.wait_for_rate(wait)
            return True
        if time.monotonic() < self._since + patience:
            return False
        self._put_all_off(self._pace)
        return True

    def shed(self, share: int, accounts: Set[int]) -> None:
        """Put off what waits of accounts beyond a share, and beyond what soon goes: the worker is
        full of them.
        """
        theirs = sum(map(self.lines.of_account, accounts))
        if theirs > self.speed.fits(share):
            for _ in range(theirs - self.speed.crowded(share)):
                if job := self.lines.pop_last(accounts):
                    self._put_off(job, self._pace)

    def _put_all_off(self, per_second: float) -> None:
        for job in self.lines.drain():
            self._put_off(job, per_second)

    def _put_off(self, job: Job, per_second: float) -> None:
        job.put_off = self._standing.put_off_for_rate(per_second, job.whose)
        job.done(job)

    def fail_first(self, reply: Reply, contact: Contact) -> None:
        """Charge the next in line with a reply that was given to a connection."""
        if job := self.lines.pop():
            job.came_as_far_as(contact)
            job.finish(reply)

    def fail(self, reply: Reply, contact: Contact) -> None:
        """Charge all who wait with a reply."""
        while len(self):
            self.fail_first(reply, contact)
