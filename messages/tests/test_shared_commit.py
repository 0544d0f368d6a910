"""Threads that store at the same moment share a transaction; each learns what became of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError

from cloudmta.testing import eventually
from messages.shared_commit import SharedCommit


class Book:
    """What was written, batch by batch; the first write waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.spoiled: dict[int, Exception] = {}
        self.may_write = threading.Event()
        self.commits = SharedCommit(self.write)

    def write(self, items: list[int]) -> None:
        self.may_write.wait(10)
        for item in items:
            if item in self.spoiled:
                raise self.spoiled[item]
        self.batches.append(sorted(items))

    def put_together(self, *items: int) -> list[Exception | None]:
        """Put 0, and while it is being written these; return what each of these came to."""
        with ThreadPoolExecutor(len(items) + 1) as threads:
            first = threads.submit(self.commits.put, 0)
            eventually(lambda: self.commits._is_writing and not self.commits._waiting)
            others = [threads.submit(self.commits.put, item) for item in items]
            eventually(lambda: len(self.commits._waiting) == len(items))
            self.may_write.set()
            first.result(10)
            return [one.exception(10) for one in others]


@pytest.fixture
def book() -> Book:
    return Book()


def test_who_is_alone_waits_for_nobody(book):
    book.may_write.set()

    book.commits.put(1)
    book.commits.put(2)

    assert book.batches == [[1], [2]]


def test_what_comes_while_one_writes_goes_together(book):
    assert book.put_together(1, 2, 3, 4) == [None] * 4
    assert book.batches == [[0], [1, 2, 3, 4]]


def test_what_cannot_be_written_fails_alone(book):
    book.spoiled[2] = ValueError("spoiled")

    assert book.put_together(1, 2, 3) == [None, book.spoiled[2], None]
    assert book.batches == [[0], [1], [3]]


def test_where_the_database_is_away_all_are_told_and_the_next_may_try(book):
    book.spoiled[2] = OperationalError("away")

    assert book.put_together(1, 2, 3) == [book.spoiled[2]] * 3
    assert book.batches == [[0]]
    book.commits.put(4)
    assert book.batches == [[0], [4]]


def test_each_item_is_written_once_before_its_thread_goes_on(book):
    book.may_write.set()

    def put(start: int) -> None:
        for item in range(start, start + 200):
            book.commits.put(item)
            assert any(item in batch for batch in book.batches)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, range(0, 1600, 200)))

    assert sorted(item for batch in book.batches for item in batch) == list(range(1600))
