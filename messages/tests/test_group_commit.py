"""Group commit: what comes together is written together, and each hears how its own went."""

import asyncio
import threading

import pytest
from django.db import InterfaceError, OperationalError

from messages import group_commit
from messages.group_commit import GroupCommit


class Disk:
    """Writes lists of words. While `gate` is closed, it is busy with the first."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.troubles: list[Exception] = []  # of the next writes

    def write(self, words: list[str]) -> None:
        self.gate.wait(10)
        if self.troubles:
            raise self.troubles.pop(0)
        if "bad" in words:
            raise ValueError("bad")
        self.batches.append(words)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def play(scene, disk):
    """Run a scene with a committer, which is closed in the end."""

    async def run():
        committer = GroupCommit(disk.write, "test", 0)
        try:
            await scene(committer)
        finally:
            disk.gate.set()
            await asyncio.to_thread(committer.close)

    asyncio.run(run())


async def while_busy(committer, disk, *words):
    """Put words while the disk is busy with another one, and return their futures."""
    disk.gate.clear()
    first = committer.put("first")
    while not committer._inbox.empty():
        await asyncio.sleep(0.001)
    futures = [committer.put(word) for word in words]
    disk.gate.set()
    await asyncio.wait([first])
    return futures


def test_one_alone_waits_for_no_company(disk):
    async def scene(committer):
        await committer.put("a")
        await committer.put("b")

    play(scene, disk)

    assert disk.batches == [["a"], ["b"]]


def test_nobody_is_told_before_it_is_written(disk):
    async def scene(committer):
        disk.gate.clear()
        future = committer.put("a")
        await asyncio.sleep(0.05)
        assert not future.done()
        disk.gate.set()
        await future

    play(scene, disk)


def test_what_comes_meanwhile_goes_together_and_in_order(disk):
    async def scene(committer):
        await asyncio.gather(*await while_busy(committer, disk, "a", "b", "c"))

    play(scene, disk)

    assert disk.batches == [["first"], ["a", "b", "c"]]


def test_a_batch_has_a_limit(disk, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_BATCH", 2)

    async def scene(committer):
        await asyncio.gather(*await while_busy(committer, disk, "a", "b", "c"))

    play(scene, disk)

    assert disk.batches == [["first"], ["a", "b"], ["c"]]


def test_a_bad_one_fails_alone(disk, caplog):
    async def scene(committer):
        futures = await while_busy(committer, disk, "a", "bad", "b")
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), ValueError, type(None)]

    play(scene, disk)

    assert disk.batches == [["first"], ["a"], ["b"]]
    assert [record.message for record in caplog.records] == ["An item could not be written"]


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_database_that_is_gone_fails_its_batch_and_the_next_one_works(disk, kind):
    async def scene(committer):
        disk.gate.clear()
        disk.troubles = [kind("gone"), kind("still gone")]
        futures = await while_busy(committer, disk, "a", "b")
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [str(result) for result in results] == ["still gone"] * 2
        await committer.put("c")

    play(scene, disk)

    assert disk.batches == [["c"]]


def test_who_does_not_wait_any_more_disturbs_nobody(disk):
    async def scene(committer):
        gone, stays = await while_busy(committer, disk, "a", "b")
        gone.cancel()
        await stays

    play(scene, disk)

    assert disk.batches == [["first"], ["a", "b"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 250])
def test_the_end_comes_when_all_is_written(disk, monkeypatch, limit):
    monkeypatch.setattr(group_commit, "MAX_BATCH", limit)
    futures = []

    async def scene(committer):
        disk.gate.clear()
        futures.extend(committer.put(word) for word in "abcdefg")

    play(scene, disk)

    assert [word for batch in disk.batches for word in batch] == list("abcdefg")
