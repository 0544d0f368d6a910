"""Shared commits: threads that store at the same moment go into one transaction.

Who finds nobody writing writes at once. What comes meanwhile waits, and goes together into the next
transaction, which the first of them writes for all. Nobody waits for company. It is what
`group_commit` does for a door on an event loop.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from accounts.database import UNAVAILABLE

Item = TypeVar("Item")


class _Place(Generic[Item]):
    """One who waits: called when all is done, or when it is for him to write."""

    __slots__ = ("item", "called", "is_done", "error")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.called = threading.Event()
        self.is_done = False
        self.error: BaseException | None = None


class SharedCommit(Generic[Item]):
    """`write` gets the items of several threads, and commits them in one transaction, or raises."""

    def __init__(self, write: Callable[[list[Item]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Place[Item]] = []
        self._is_writing = False

    def put(self, item: Item) -> None:
        """Return when the item is committed. Raises what `write` raised for it."""
        place = _Place(item)
        with self._lock:
            self._waiting.append(place)
            is_first = not self._is_writing
            self._is_writing = True
        if not is_first:
            place.called.wait()
        if not place.is_done:
            self._write_all()
        if place.error is not None:
            raise place.error

    def _write_all(self) -> None:
        """Write what waits, tell everybody, and leave the rest to the next one."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        self._commit(batch)
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._is_writing = following is not None
        for place in batch:
            place.is_done = True
            place.called.set()
        if following:
            following.called.set()

    def _commit(self, batch: list[_Place[Item]]) -> None:
        try:
            self._write([place.item for place in batch])
        except BaseException as error:
            is_his_own = isinstance(error, Exception) and not isinstance(error, UNAVAILABLE)
            if is_his_own and len(batch) > 1:
                # One of them cannot be written: alone, it fails alone.
                for place in batch:
                    self._commit([place])
            else:
                for place in batch:
                    place.error = error
