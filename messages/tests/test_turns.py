"""Turns that accounts share: whoever comes finds some free, and everybody gets one in the end."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from messages.turns import Turns


class Crowd:
    """Who has a turn, and who has had one."""

    def __init__(self, number: int) -> None:
        self.turns = Turns(number)
        self.now: Counter[int] = Counter()
        self.most = 0
        self.had: list[int] = []
        self._leave = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, *accounts: int) -> None:
        self._tasks += [asyncio.create_task(self._stay(one)) for one in accounts]
        await asyncio.sleep(0)

    async def _stay(self, account_id: int) -> None:
        async with self.turns.of(account_id):
            self.now[account_id] += 1
            self.most = max(self.most, self.now.total())
            await self._leave.wait()
            self.now[account_id] -= 1
            self.had.append(account_id)

    async def all_leave(self) -> None:
        self._leave.set()
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)


def test_one_account_leaves_half_of_them_to_others():
    async def work():
        crowd = Crowd(8)
        await crowd.come(*[1] * 20)
        assert crowd.now == {1: 4}

        await crowd.come(2, 3)
        assert crowd.now == {1: 4, 2: 1, 3: 1}
        await crowd.all_leave()

    asyncio.run(work())


def test_who_waits_longest_does_not_wait_for_a_line_of_others():
    async def work():
        crowd = Crowd(1)
        await crowd.come(1, 1, 1, 1, 2)
        await crowd.all_leave()
        assert crowd.had == [1, 1, 2, 1, 1]

    asyncio.run(work())


@settings(deadline=None)
@given(st.integers(1, 6), st.lists(st.integers(1, 4), max_size=30))
def test_there_are_never_more_and_everybody_has_one(number, accounts):
    async def work():
        crowd = Crowd(number)
        await crowd.come(*accounts)
        await crowd.all_leave()
        assert crowd.most <= number
        assert Counter(crowd.had) == Counter(accounts)
        assert crowd.turns._free == number and not crowd.turns._held and not crowd.turns._waiting

    asyncio.run(work())
