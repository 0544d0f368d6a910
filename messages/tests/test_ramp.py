"""The first connections of a worker are spread out; later ones are not."""

import asyncio

from messages.shaping.ramp import AT_ONCE, LENGTH, Ramp


async def through_at_once(ramp: Ramp, number: int) -> int:
    tasks = [asyncio.create_task(ramp.turn()) for _ in range(number)]
    for _ in range(3):
        await asyncio.sleep(0)
    through = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    return through


def test_a_thousand_sites_are_not_connected_to_in_the_first_moment():
    async def scenario():
        return await through_at_once(Ramp(), 1000)

    assert AT_ONCE <= asyncio.run(scenario()) <= AT_ONCE + 5


def test_a_worker_that_has_run_for_a_while_waits_for_nothing():
    async def scenario():
        ramp = Ramp()
        ramp._started_at -= LENGTH + 1
        ramp._next -= LENGTH + 1
        return await through_at_once(ramp, 1000)

    assert asyncio.run(scenario()) == 1000
