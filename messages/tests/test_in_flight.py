"""How much one worker holds, and of whom."""

import asyncio
from itertools import count
from types import SimpleNamespace

from accounts.message_class import MessageClass
from messages import in_flight
from messages.in_flight import MOST, InFlight

PRIORITY, STANDARD, DIGEST = MessageClass
BATCH = 100
_ids = count()


def of(account_id, message_class=STANDARD):
    return SimpleNamespace(key=(next(_ids), 1), account_id=account_id, message_class=message_class)


def fill(held, *accounts):
    """Claim for accounts that have more than enough, as the engine does; return what each holds."""
    hold = dict.fromkeys(accounts, 0)
    while held.has_room(BATCH) and (
        wanting := [one for one in hold if one not in held.crowding(STANDARD)]
    ):
        for account_id in wanting:
            for _ in range(BATCH // len(wanting)):
                held.add(of(account_id))
                hold[account_id] += 1
    return hold


class TestCrowding:
    def test_one_account_that_waits_leaves_room(self):
        held = InFlight()

        assert fill(held, 1)[1] >= MOST / 2
        assert held.has_room(BATCH)
        assert held.crowding(STANDARD) == [1]

    def test_who_comes_then_finds_it(self):
        held = InFlight()
        fill(held, 1)

        assert fill(held, 2)[2] >= BATCH

    def test_there_is_room_again_when_enough_was_settled(self):
        held = InFlight()
        fill(held, 1)
        for claimed in list(held)[: MOST // 4]:
            held.remove(claimed)

        assert held.crowding(STANDARD) == []

    def test_many_who_hold_little_do_not_crowd(self):
        held = InFlight()
        for number in range(MOST - BATCH):
            held.add(of(number))

        assert held.has_room(BATCH) and held.crowding(STANDARD) == []

    def test_nobodys_password_reset_waits_for_his_other_mail(self):
        held = InFlight()
        fill(held, 1)

        assert held.crowding(PRIORITY) == []
        assert held.crowding(DIGEST) == [1]

        while held.has_room(BATCH) and not held.crowding(PRIORITY):
            held.remove(next(one for one in held if one.message_class is STANDARD))
            held.add(of(1, PRIORITY))
        assert held.crowding(PRIORITY) == [1]

    def test_what_is_settled_twice_counts_once(self):
        held, claimed = InFlight(), of(1)
        held.add(claimed)
        held.add(of(1))

        held.remove(claimed)
        held.remove(claimed)

        assert len(held) == 1 and held._by_account[STANDARD] == {1: 1}


def test_a_change_wakes_whoever_waits_for_one():
    async def work():
        held, claimed = in_flight.InFlight(), of(1)
        held.add(claimed)
        waiting = asyncio.create_task(held.change())
        await asyncio.sleep(0)
        held.remove(claimed)
        await waiting

        waiting = asyncio.create_task(held.change())
        await asyncio.sleep(0)
        held.wake()
        await waiting

        await held.change(0)  # nothing comes, and that is all right

    asyncio.run(asyncio.wait_for(work(), 10))
