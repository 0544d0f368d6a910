"""Who waits at a site, and all the ways to leave without having been served."""

from accounts.message_class import MessageClass
from messages.jobs import Job, Lines, PutOff
from messages.shaping.measures import Measure
from messages.shaping.speed import Speed
from messages.shaping.standing import Standing
from messages.smtp.replies import Reply
from messages.transfer import Contact


class WaitingRoom:
    """The lines of one site. It never holds much more than the site serves in some seconds."""

    def __init__(self, standing: Standing) -> None:
        self.lines = Lines()
        self.speed = Speed()
        self._standing = standing

    def __len__(self) -> int:
        return len(self.lines)

    def is_closed_to(self, message_class: MessageClass) -> bool:
        """Say whether mail of a class need not come at all now."""
        return bool(self._standing.suspension) or not self._has_place(message_class)

    def turn_away(self, message_class: MessageClass) -> PutOff | None:
        """Return until when mail of a class waits, and why; None: it may come."""
        if measure := self._standing.suspension:
            return self._standing.put_off(measure)
        if self._has_place(message_class):
            return None
        return self._standing.put_off_for_rate(self.speed.estimate)

    def _has_place(self, message_class: MessageClass) -> bool:
        return self.speed.may_wait(len(self)) or message_class is MessageClass.PRIORITY

    def submit(self, job: Job) -> None:
        """Put a job in line, or off where there is no room; its `done` is called when it ended."""
        if self._has_place(job.message_class):
            self.lines.append(job)
        else:
            self._put_off(job, self.speed.estimate)

    def withdraw(self) -> None:
        """Hand back, unbegun, whatever still stands in line."""
        for job in self.lines.drain():
            job.is_withdrawn = True
            job.done(job)

    def suspend(self, measure: Measure) -> None:
        """Put off everything for as long as nothing is sent to the site."""
        for job in self.lines.drain():
            job.put_off = self._standing.put_off(measure)
            job.done(job)

    def wait_for_rate(self, gap: float) -> None:
        """Put off everything: the site takes one message or connection each `gap` seconds."""
        for job in self.lines.drain():
            self._put_off(job, 1 / gap)

    def shed(self, share: int) -> None:
        """Put off what waits beyond a share, and beyond what soon goes: the worker is full."""
        for _ in range(len(self) - self.speed.crowded(share)):
            if job := self.lines.pop_last():
                self._put_off(job, self.speed.estimate)

    def _put_off(self, job: Job, per_second: float) -> None:
        job.put_off = self._standing.put_off_for_rate(per_second)
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
