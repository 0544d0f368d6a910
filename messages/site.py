"""A site, the exchangers that some domains share: who waits for it, and the connections to it."""

import asyncio
import math
import time
from collections.abc import Container
from functools import partial

from accounts.message_class import MessageClass
from messages.exchangers import Directory, Exchangers
from messages.jobs import Job
from messages.opener import Opener
from messages.openings import Openings
from messages.seats import NoSlot, Refused, Seat
from messages.shaping.places import Places
from messages.shaping.scope import Wanted
from messages.shaping.shaper import Shaper
from messages.shaping.standing import Standing
from messages.shaping.window import Window
from messages.smtp.client import Transaction
from messages.smtp.replies import Reply
from messages.transfer import Connection, Contact
from messages.waiting_room import WaitingRoom

# A further connection is opened for so many that wait: fewer leave sooner over those there are.
WAITING_PER_CONNECTION = 20
# Seconds that the answer to a final dot may take before whoever waits behind it goes elsewhere.
STALLED = 0.5
# Seconds between looks at those who still wait.
LOOK = 1
# Seconds until a site that has refused one connection of many is asked for another.
AFTER_REFUSAL = 1
OUR_FAULT = Reply(451, "4.3.0", "Delivery failed for a reason of our own")


class Site:
    """The lines and the connections of one worker for one set of exchangers."""

    def __init__(self, exchangers: Exchangers, directory: Directory, shaper: Shaper) -> None:
        self.exchangers = exchangers
        self.standing = Standing(exchangers, shaper, self.dispatch)
        self._shaper = shaper
        self._opener = Opener(exchangers, directory)
        self._opening = Openings(self.standing, shaper, self._opener, partial(Seat, self))
        self._places = Places(self.standing, shaper.gate, self._have_places)
        self.room = WaitingRoom(self.standing)
        self._connections: dict[Connection, Seat] = {}
        self._jobs: dict[Transaction, Job] = {}
        self._window = Window()
        self._wait_until = dict.fromkeys(MessageClass, 0.0)  # for another slot
        self._looked_at = time.monotonic()
        self._is_closed = False

    @property
    def figures(self) -> dict[str, int]:
        """What can be counted here, for staff."""
        return {
            "connections": len(self._connections),
            "opening": len(self._opening),
            "window": self._window.size,
            "waiting": len(self.room),
            "in_flight": len(self._jobs),
            "per_minute": round(self.room.speed.per_second * 60),
        }

    @property
    def is_connected(self) -> bool:
        return bool(self._connections)

    @property
    def is_unused(self) -> bool:
        if len(self.room) or self._jobs or self._connections or self._opening:
            return False
        if self._places.is_asking:
            return False
        # What was learnt the hard way is not to be learnt again by the next message.
        return self._opener.remembers_until < time.monotonic() and not self.standing.measures.on

    def dispatch(self) -> None:
        """Give what waits to connections that are free, and open more where that is not enough."""
        for connection, seat in list(self._connections.items()):
            if connection.is_idle:
                self.free(connection, seat)
        if self._is_closed:
            self.room.withdraw()
        if not len(self.room):
            return
        if measure := self.standing.suspension:
            self.room.suspend(measure)
            return
        for message_class in MessageClass:
            self._open_for(message_class)

    def _open_for(self, message_class: MessageClass) -> None:
        waiting = len(self.room.lines[message_class])
        if not waiting or time.monotonic() < self._wait_until[message_class]:
            return
        wanted = math.ceil(waiting / WAITING_PER_CONNECTION) - self._opening.count(message_class)
        for _ in range(min(wanted, self._room(message_class))):
            is_only = not self._connections
            self._opening.start(message_class, self._works, self._opened, is_only)

    def _room(self, message_class: MessageClass) -> int:
        """Return how many more connections this worker may open for a class."""
        size = 1 if self.standing.is_probing else self._window.size
        # One more is for priority, whatever the others hold (delivery S9).
        bound = (self.standing.limits.connections or size) - 1
        size = min(size, max(1, bound)) + (message_class is MessageClass.PRIORITY)
        return size - len(self._connections) - len(self._opening)

    def _works(self, host: str) -> bool:
        return any(one.exchanger == host and one.has_settled for one in self._connections)

    def _opened(self, message_class: MessageClass, failure: BaseException | None) -> None:
        if self._is_closed:
            return
        if failure is None:
            # It is lost already, or by itself too little for those who wait.
            if not self._connections or len(self.room) > WAITING_PER_CONNECTION:
                self.dispatch()
        elif isinstance(failure, NoSlot):
            self._found_no_slot(message_class, failure.seconds)
        elif isinstance(failure, Refused):
            self._was_refused(failure)
        else:
            if not (self._connections or self._opening):
                self.room.fail(OUR_FAULT, Contact(""))
            raise failure

    def _found_no_slot(self, message_class: MessageClass, seconds: float) -> None:
        if self._connections or not self.room.gives_up(seconds, self._patience):
            self._ask_again([message_class], seconds)

    @property
    def _patience(self) -> int:
        """Seconds that is waited here for a rate; longer, and mail goes back to the queue."""
        return self.standing.limits.idle_seconds or 1

    def _ask_again(self, classes: list[MessageClass], seconds: float) -> None:
        until = time.monotonic() + seconds
        self._wait_until |= dict.fromkeys(classes, until)
        asyncio.get_running_loop().call_later(seconds, self.dispatch)

    def _was_refused(self, failure: Refused) -> None:
        self.standing.heed(failure.reply)
        ours = len(self._connections) + len(self._opening)
        if failure.others or ours:
            # Somebody is served, so the site is up, and we were one too many.
            if failure.others > ours:
                self._opener.forgive()
            self._window.cut(ours)
            self._ask_again(list(MessageClass), AFTER_REFUSAL)
        else:
            # A refusal for ever too: it is about us, and the mail of others can wait until it is
            # lifted (delivery C2).
            self._go_down(failure)

    def _go_down(self, failure: Refused) -> None:
        """Nobody takes a connection: one message has tried it, the others need not."""
        self.standing.went_down(failure.reply)
        self.room.fail_first(failure.reply, failure.contact)
        self.dispatch()

    def _have_places(self, wait: float) -> None:
        if wait > self._patience:
            self.room.wait_for_rate(wait)
        elif wait:
            asyncio.get_running_loop().call_later(wait, self.dispatch)
        else:
            self.dispatch()

    # --- what is done each second ---

    def tick(self) -> None:
        """Close what stands idle, is too old, or has not answered in time. Called each second."""
        now = time.monotonic()
        self.standing.refresh()
        self.room.speed.tick(is_busy=bool(len(self.room) or self._jobs))
        for connection, seat in list(self._connections.items()):
            if connection.is_idle:
                if now > connection.idle_since + self._patience or self._is_spent(connection, seat):
                    connection.quit()
            elif now > connection.deadline:
                connection.expire()
            elif connection.is_chained and now > connection.waits_since + STALLED:
                self._rescue(connection)
        # Whoever has waited so long does so behind somebody slow.
        if len(self.room) and now > self._looked_at + LOOK:
            self._looked_at = now
            self.dispatch()

    def _rescue(self, stalled: Connection) -> None:
        """Take back what waits behind a slow answer, if another connection can serve it."""
        others = [one for one in self._connections if one is not stalled and not one.is_chained]
        if not others and self._room(MessageClass.STANDARD) < 1:
            return
        for transaction in stalled.withdraw_chained():
            job = self._jobs.pop(transaction)
            job.start_over()
            self.room.lines.put_back(job)
        self.dispatch()

    def yield_to(self, wanted: Wanted) -> None:
        """Give up a slot that another worker wants for a more urgent class, or has none at all of
        ours, of which we have several: what it has claimed would wait until we are idle.
        """
        stay = {one: seat for one, seat in self._connections.items() if not seat.is_retiring}
        spared = wanted.message_class + (not (wanted.by_one_without and len(stay) > 1))
        for connection, seat in stay.items():
            if seat.slot.message_class >= spared:
                seat.retire(connection)
                return

    def retire(self, tokens: Container[str]) -> None:
        """Give up these slots, as soon as what runs there has ended."""
        for connection, seat in self._connections.items():
            if seat.slot.token in tokens and not seat.is_retiring:
                seat.retire(connection)

    def close(self) -> None:
        """Close all connections, and hand back what they leave unbegun."""
        self._is_closed = True
        self.room.withdraw()
        self._opening.cancel()
        self._places.close()
        for connection in list(self._connections):
            connection.quit()

    # --- what connections report ---

    def free(self, connection: Connection, seat: Seat) -> None:
        """Let a free connection begin what waits longest in the first class that waits."""
        self._connections[connection] = seat
        while not self._is_spent(connection, seat):
            if not connection.can_begin or not (job := self._next(connection, seat)):
                return
            seat.begun += 1
            self._jobs[job.transaction] = job
            job.begin_on(connection)
        if connection.is_idle:
            connection.quit()

    def _is_spent(self, connection: Connection, seat: Seat) -> bool:
        limits = self.standing.limits
        is_too_many = limits.connections and len(self._connections) > limits.connections
        return bool(is_too_many or self._is_closed) or seat.is_spent(
            connection, limits.messages_per_connection
        )

    def _next(self, connection: Connection, seat: Seat) -> Job | None:
        # Behind a final dot one may wait long: not if a connection is on its way for it.
        if len(self.room) <= len(self._opening) and not connection.is_idle:
            return None
        message_class = self.room.lines.first(seat.slot.message_class)
        if message_class is None or not self._places.use(message_class, len(self.room)):
            return None
        return self.room.lines[message_class].pop()

    def settled(self, connection: Connection, transaction: Transaction) -> None:
        job = self._jobs.pop(transaction, None)
        if job is None:
            connection.close()  # what was withdrawn from it was refused there
            return
        self._opener.succeeded(connection.exchanger)
        self.room.speed.count()
        if self.standing.is_probing:
            self.standing.came_up()
        assert transaction.verdict
        self.standing.heed(transaction.verdict)
        job.finish(transaction.verdict)
        if self._window.succeeded(len(self._connections)) and len(self.room):
            self.dispatch()

    def lost(self, connection: Connection, open_transactions: list[Transaction]) -> None:
        seat = self._connections.pop(connection, None)
        if seat is None:
            return  # it never came to anything, as whoever tried to open it is told
        self._shaper.gate.release(seat.slot)
        self._wait_until = dict.fromkeys(MessageClass, 0.0)
        for reply in {connection.failure, *(one.verdict for one in open_transactions)}:
            if reply:
                self.standing.heed(reply)
        if not connection.has_settled:
            self._was_fruitless(connection, open_transactions)
        for transaction in reversed(open_transactions):
            job = self._jobs.pop(transaction)
            if job.can_begin_again():
                self.room.lines.put_back(job)
        self.dispatch()

    def _was_fruitless(self, connection: Connection, left_open: list[Transaction]) -> None:
        reply = connection.failure or Reply(451, "4.4.2", "The exchanger closed the connection")
        if not left_open or left_open[0].verdict not in (None, reply):
            return  # it had no chance, or did decide before it went
        self._window.failed()
        self._opener.was_fruitless(connection.exchanger, reply)
