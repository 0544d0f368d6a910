"""What all workers together may do to a site: real workers, a real Redis, receivers by script."""

import subprocess
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from django.conf import settings

from accounts.message_class import MessageClass
from cloudmta import embedded
from cloudmta.testing import eventually
from messages.shaping import gate
from messages.shaping.gate import Gate, Link
from messages.shaping.limits import Limits
from messages.shaping.scope import Slot, Wait, scopes
from messages.shaping.speed import KNOWN_AFTER
from messages.tests.scripted import CLOSE, HANG, Act, ScriptedServer, Then
from messages.tests.sites_driver import (
    CAROL,
    GENEROUS,
    NOBODY,
    OK,
    desk,
    many,
    on_each_loop,
    workers,
)

PRIORITY, STANDARD, DIGEST = MessageClass
FOUR = replace(GENEROUS, connections=4)
TOO_MANY = {"connect": [Act("421 4.7.0 Too many connections", Then.CLOSE)]}


@pytest.fixture
def own_redis(tmp_path, settings):
    """A Redis that may be killed."""
    settings.REDIS_URL = embedded.redis_url(tmp_path)
    with subprocess.Popen(embedded.redis(tmp_path).argv, cwd="/") as process:
        eventually(embedded.socket_dir(tmp_path).joinpath("redis.sock").exists)
        yield process
        process.kill()


@asynccontextmanager
async def closing(link):
    """Let go of a link to Redis, whatever happens."""
    try:
        yield link
    finally:
        await link.close()


def verdicts(worker):
    return {str(job.transaction.verdict) for job in worker.desk.ended}


def forget_all(site):
    """Let Redis lose its memory, as far as these workers can see."""
    connection = redis.Redis.from_url(settings.REDIS_URL)
    for key in connection.keys(f"{site._shaper.gate._namespace}:*"):
        connection.delete(key)


class TestConnections:
    @on_each_loop
    async def test_workers_share_them(self):
        server = ScriptedServer()
        async with workers(3, server, limits=FOUR) as team:
            for worker in team:
                worker.desk.submit(*many(100))
            for worker in team:
                await worker.desk.all_ended()

        assert all(verdicts(worker) == {OK} for worker in team)
        assert server.most_open <= FOUR.connections

    @on_each_loop
    async def test_one_is_kept_for_priority(self):
        # Whoever comes first hangs, and holds what he has.
        server = ScriptedServer(lambda number: {"dot": [HANG]} if number < 3 else {})
        async with workers(2, server, limits=FOUR) as [digests, priority]:
            digests.desk.submit(*many(100), message_class=STANDARD)
            await server.until(lambda: sum(len(seen.contents) for seen in server.seen) == 3)
            priority.desk.submit(CAROL, message_class=PRIORITY)
            await priority.desk.all_ended()

        assert verdicts(priority) == {OK}

    @on_each_loop
    async def test_digests_take_half_of_them(self):
        server = ScriptedServer(lambda number: {"dot": [HANG]})
        async with workers(1, server, limits=FOUR) as [worker]:
            worker.desk.submit(*many(100), message_class=DIGEST)
            await server.until(lambda: sum(len(seen.contents) for seen in server.seen) == 2)
            worker.site.tick()
            assert server.open_connections == 2

    @on_each_loop
    async def test_who_holds_the_only_one_yields_it_to_priority(self):
        server = ScriptedServer()
        only = replace(GENEROUS, connections=1)
        async with workers(2, server, limits=only) as [standard, priority]:
            await standard.desk.sends(CAROL)
            assert server.open_connections == 1
            priority.desk.submit("p@example.net", message_class=PRIORITY)
            await priority.desk.all_ended()

        assert server.recipients == [CAROL, "p@example.net"] and server.most_open <= 2

    @on_each_loop
    async def test_who_holds_several_yields_one_to_a_worker_that_has_none(self):
        server = ScriptedServer()
        async with workers(2, server, limits=FOUR) as [first, second]:
            first.desk.submit(*many(200))
            await first.desk.all_ended()
            assert server.open_connections == 3
            second.desk.submit(CAROL)
            await second.desk.all_ended()
            assert first.site._connections  # he did not wait until all of these were idle

        assert server.recipients[-1] == CAROL and server.most_open <= FOUR.connections

    @on_each_loop
    async def test_what_was_yielded_goes_to_who_has_none(self):
        async with workers(2, ScriptedServer(), limits=FOUR) as team:
            first, second = (worker.shaper.gate for worker in team)
            wanted = scopes(team[0].site.standing.terms, FOUR, STANDARD)
            slots = [await first.acquire(wanted, STANDARD) for _ in range(3)]
            assert isinstance(await second.acquire(wanted, STANDARD), Wait)
            first.release(slots.pop())

            assert isinstance(await first.acquire(wanted, STANDARD), Wait)
            slots.append(await second.acquire(wanted, STANDARD))
            assert isinstance(slots[-1], Slot)
            for slot in slots[:-1]:
                first.release(slot)
            second.release(slots[-1])
            await first.released()
            await second.released()

    @on_each_loop
    async def test_what_gets_no_connection_goes_back_for_the_worker_that_has_one(self):
        server = ScriptedServer({"dot": [HANG]})
        only = replace(GENEROUS, connections=1, idle_seconds=1)
        async with workers(2, server, limits=only) as [holder, without]:
            holder.desk.submit("slow@example.net")
            await server.until(lambda: server.stopped_at == "dot")
            [job] = without.desk.submit(CAROL)
            await without.desk.all_ended()

        assert job.put_off and "waits for its turn" in job.put_off.why
        assert server.recipients == []

    @on_each_loop
    async def test_a_site_that_takes_three_gets_all_over_three(self):
        def script(number):
            return TOO_MANY if server.open_connections > 3 else {}

        server = ScriptedServer(script)
        async with workers(2, server) as team:
            for worker in team:
                worker.desk.submit(*many(300))
            for worker in team:
                await worker.desk.all_ended()
            refused = sum(not seen.commands for seen in server.seen)

        assert all(verdicts(worker) == {OK} for worker in team)
        assert refused <= 2 * GENEROUS.connections

    @on_each_loop
    async def test_what_is_said_about_a_recipient_changes_nothing(self):
        server = ScriptedServer({"RCPT": [Act("550 5.1.1 No such user")] * 50})
        async with workers(1, server) as [worker]:
            before = worker.site._window.size
            await worker.desk.sends(*many(200))
            assert worker.site._window.size >= before

    @on_each_loop
    async def test_a_limit_to_messages_ends_a_connection(self):
        server = ScriptedServer()
        five = replace(GENEROUS, messages_per_connection=5)
        async with desk(server, limits=five) as alice:
            assert await alice.sends(*many(60)) == [OK] * 60

        assert max(len(seen.recipients) for seen in server.seen) == 5

    @on_each_loop
    async def test_the_slots_of_a_worker_that_died_come_back(self, monkeypatch):
        monkeypatch.setattr(gate, "LEASE", 0.2)
        server = ScriptedServer()
        async with workers(1, server, limits=FOUR) as [worker], closing(Link()) as link:
            dead = Gate(link, worker.shaper.gate._namespace)
            places = worker.site.standing.scopes(STANDARD)
            taken = [await dead.acquire(places, STANDARD) for _ in range(4)]
            assert [type(one) for one in taken] == [*[gate.Slot] * 3, gate.Wait]
            assert await worker.desk.sends(CAROL) == [OK]


class TestRedis:
    @on_each_loop
    async def test_one_that_loses_its_memory_under_load_costs_nothing(self, monkeypatch):
        monkeypatch.setattr(gate, "GRACE", 0.3)
        server = ScriptedServer()
        async with workers(2, server, limits=FOUR) as team:
            for worker in team:
                worker.desk.submit(*many(300))
                worker.desk.at_first_end = lambda job: forget_all(team[0].site)
            for worker in team:
                await worker.desk.all_ended()

        assert all(verdicts(worker) == {OK} for worker in team)
        assert server.most_open <= FOUR.connections

    @on_each_loop
    async def test_who_was_idle_knows_as_well_that_it_lost_its_memory(self, monkeypatch):
        monkeypatch.setattr(gate, "GRACE", 0.3)
        server = ScriptedServer(lambda number: {"dot": [HANG]})
        async with workers(3, server, limits=FOUR) as [busy, *idle]:
            busy.desk.submit(*many(100))
            await server.until(lambda: sum(len(seen.contents) for seen in server.seen) == 3)
            gates = [worker.shaper.gate for worker in idle]
            await busy.desk.until(lambda: all(one._link.seconds_known > 0.3 for one in gates))
            forget_all(busy.site)
            for worker in idle:
                worker.desk.submit(*many(100))
            await busy.desk.until(lambda: all(one._has_known for one in gates))
            assert server.most_open == 3
            for worker in idle:
                worker.site.room.withdraw()

    @on_each_loop
    async def test_where_it_stays_away_who_holds_more_than_his_share_gives_it_up(
        self, monkeypatch, own_redis
    ):
        monkeypatch.setattr(gate, "YIELD_AFTER", 0.1)
        monkeypatch.setattr(gate, "ALONE_AFTER", 0.5)
        server = ScriptedServer()
        async with workers(2, server) as [first, second]:
            await first.desk.sends(*many(300))
            assert server.open_connections > GENEROUS.connections // 2
            await first.desk.until(lambda: second.shaper.gate.workers == 2)
            own_redis.kill()
            second.desk.submit(*many(100))
            await second.desk.all_ended()
            assert first.desk.site.figures["connections"] <= GENEROUS.connections // 2

        assert verdicts(second) == {OK} and server.most_open <= GENEROUS.connections

    @on_each_loop
    async def test_without_it_each_worker_keeps_to_its_share(self, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        server = ScriptedServer()
        limits = replace(GENEROUS, connections=3 * gate.WORKERS)
        async with workers(2, server, limits=limits, knows_redis=False) as team:
            for worker in team:
                worker.desk.submit(*many(100))
            for worker in team:
                await worker.desk.all_ended()

        assert all(verdicts(worker) == {OK} for worker in team)
        assert server.most_open == 2 * 2  # the third of each is for priority

    @on_each_loop
    async def test_a_new_one_is_not_believed_at_once(self):
        async with workers(1, ScriptedServer()) as [worker], closing(Link()) as link:
            new = Gate(link, uuid.uuid4().hex)
            new.workers = 4  # a share of one
            places = scopes(worker.site.standing.terms, FOUR, PRIORITY)
            found = [await new.acquire(places, PRIORITY) for _ in range(2)]

        assert [type(one) for one in found] == [gate.Slot, gate.Wait]


class TestRates:
    @on_each_loop
    async def test_what_would_wait_too_long_goes_back_to_the_queue_in_its_order(self):
        server = ScriptedServer()
        one_a_minute = replace(GENEROUS, messages_per_minute=1)
        async with desk(server, limits=one_a_minute) as alice:
            jobs = alice.submit(*many(4))
            await alice.all_ended()

        assert [str(job.transaction.verdict) for job in jobs] == [OK, "None", "None", "None"]
        due = [job.put_off.due_at for job in jobs[1:]]
        gaps = [
            (after - before).total_seconds() for before, after in zip(due, due[1:], strict=False)
        ]
        assert all(50 < gap <= 61 for gap in gaps)

    @on_each_loop
    async def test_a_short_wait_is_waited_for(self):
        server = ScriptedServer()
        async with desk(server, limits=replace(GENEROUS, messages_per_minute=3000)) as alice:
            assert await alice.sends(*many(130)) == [OK] * 130

    @on_each_loop
    async def test_new_connections_are_counted_too(self):
        server = ScriptedServer(lambda number: {"dot": [Act("250 Ok", Then.CLOSE)]})
        async with desk(server, limits=replace(GENEROUS, connections_per_minute=30)) as alice:
            alice.submit(*many(3))
            await alice.until(lambda: len(alice.ended) == 1)
            assert len(server.seen) == 1
            alice.site.room.withdraw()
            await alice.all_ended()


class TestSlowOnes:
    @on_each_loop
    async def test_nobody_waits_behind_a_slow_dot_while_another_connection_can_serve_him(self):
        server = ScriptedServer(lambda number: {} if number else {"dot": [HANG]})
        async with desk(server) as alice:
            slow, other = alice.submit("slow@example.net", CAROL)
            await alice.until(lambda: alice.ended)
            assert alice.ended == [other] and str(other.transaction.verdict) == OK

        assert slow.is_in_doubt and server.recipients == [CAROL]

    @on_each_loop
    async def test_what_was_taken_back_is_not_sent_twice(self, monkeypatch):
        server = ScriptedServer(lambda number: {} if number else {"dot": [Act("", Then.GO_ON)]})
        async with desk(server) as alice:
            jobs = alice.submit("slow@example.net", CAROL)
            await alice.until(lambda: alice.ended)
            # The answer comes after all; what was chained behind it gets 354, and nothing follows.
            server.say(0, b"250 Ok\r\n")
            await alice.all_ended()
            await server.until(lambda: not server.seen[0].is_open)

        assert [str(job.transaction.verdict) for job in jobs] == [OK, OK]
        assert server.recipients.count(CAROL) == 1

    @on_each_loop
    async def test_a_full_worker_holds_little_for_a_slow_site(self):
        server = ScriptedServer({"dot": [HANG]})
        async with desk(server, limits=replace(GENEROUS, connections=1)) as alice:
            jobs = alice.submit(*many(300))
            await server.until(lambda: server.stopped_at == "dot")
            alice.site.room.speed._measured = KNOWN_AFTER  # so long it has answered nothing
            alice.sites.shed(200, {1})
            put_off = [job for job in jobs if job.put_off]
            late = alice.submit(CAROL)

            assert len(alice.site.room) == 50 and late[0].put_off
            due = {job.put_off.due_at for job in put_off}
            assert len(due) == len(put_off) >= 240
            alice.site.room.withdraw()

    @on_each_loop
    async def test_an_account_that_has_little_there_finds_its_place_and_its_turn(self):
        server = ScriptedServer({"dot": [HANG]})
        async with desk(server, limits=replace(GENEROUS, connections=1)) as alice:
            alice.submit(*many(300), account_id=1)
            few = alice.submit(*many(10), account_id=2)
            await server.until(lambda: server.stopped_at == "dot")
            alice.site.room.speed._measured = KNOWN_AFTER
            alice.sites.shed(200, {1})
            late = [alice.submit(CAROL, account_id=account)[0] for account in (1, 2, 3)]

            assert [bool(job.put_off) for job in [*late, *few]] == [True, *[False] * 12]
            assert alice.sites.closed(STANDARD).full == {}  # no domain is known
            assert alice.site.room.full_for == {1}
            alice.site.room.withdraw()

    @on_each_loop
    async def test_who_is_put_off_by_a_slow_worker_comes_back_as_fast_as_all_together(self):
        server = ScriptedServer({"dot": [HANG]})
        limits = replace(GENEROUS, connections=2)
        async with workers(2, server, limits=limits) as [slow, fast]:
            fast.site.room.speed.per_second = 100.0
            await slow.desk.until(lambda: slow.site.room.pace_of_all >= 100)
            jobs = slow.desk.submit(*many(300))
            slow.site.room.speed._measured = KNOWN_AFTER  # so long it has answered nothing
            slow.sites.shed(200, {1})

            due = [job.put_off.due_at for job in jobs if job.put_off]
            assert len(due) >= 240
            assert max(due) - min(due) < timedelta(seconds=4)
            slow.site.room.withdraw()

    @on_each_loop
    async def test_nobody_comes_back_behind_the_backlog_of_another(self):
        async with desk(ScriptedServer()) as alice:
            standing = alice.site.standing
            crowd = [standing.put_off_for_rate(1, (1, STANDARD)).due_at for _ in range(1000)]
            few = standing.put_off_for_rate(1, (2, STANDARD)).due_at
            urgent = standing.put_off_for_rate(1, (1, PRIORITY)).due_at

        assert max(few, urgent) < crowd[3] and max(crowd) < crowd[0] + timedelta(seconds=301)


class TestFairness:
    @on_each_loop
    async def test_one_accounts_backlog_does_not_delay_another(self):
        server = ScriptedServer()
        async with desk(server, limits=replace(GENEROUS, connections=1)) as alice:
            alice.submit(*many(1000), account_id=1)
            [job] = alice.submit(CAROL, account_id=2)
            await alice.until(lambda: job in alice.ended)
            assert alice.ended.index(job) < 10
            await alice.all_ended()

    @on_each_loop
    async def test_a_backlog_of_digests_does_not_delay_priority(self):
        server = ScriptedServer()
        async with workers(2, server, limits=FOUR) as [digests, priority]:
            digests.desk.submit(*many(2000), message_class=DIGEST)
            await server.until(lambda: len(server.recipients) > 10)
            priority.desk.submit(CAROL, message_class=PRIORITY)
            await priority.desk.all_ended()
            assert len(digests.desk.ended) < 2000
            await digests.desk.all_ended()


class TestDeadSite:
    @on_each_loop
    async def test_what_one_worker_learns_all_know(self):
        server = ScriptedServer(lambda number: {"connect": [CLOSE]})
        async with workers(2, server) as [first, second]:
            await first.desk.sends(CAROL)
            [why] = await second.desk.sends("dave@example.net")

        assert why.startswith("mx1 is down since ") and len(server.seen) <= 2

    @on_each_loop
    async def test_a_broken_domain_isolates_itself_from_a_thousand(self):
        server = ScriptedServer()
        everybody = [f"r@d{number}.example" for number in range(1000)]
        async with workers(1, server, limits=FOUR) as [good]:
            directory = good.site._opener._directory
            broken = good.sites.get(type(good.site.exchangers)((("mx0",),)))
            told = type(good.desk)(broken, good.sites)
            [job] = told.submit(CAROL)
            good.desk.submit(*everybody)
            await good.desk.all_ended()
            await told.all_ended()
            assert directory.known["mx0"] == [NOBODY]
            broken.close()

        assert verdicts(good) == {OK} and server.most_open <= FOUR.connections
        assert job.transaction.verdict.is_transient


class TestBackOff:
    SLOWER = Act("450 4.7.0 Too many messages, slow down")

    @on_each_loop
    async def test_replies_flip_it_for_all_workers_and_it_reverts_by_itself(self, monkeypatch):
        server = ScriptedServer(lambda number: {"RCPT": [self.SLOWER] * 2} if number == 0 else {})
        now = time.time
        async with workers(2, server) as [first, second]:
            await first.desk.sends(*many(2))
            await first.desk.until(lambda: not first.shaper._tasks)
            assert not first.site.standing.measures.on  # it needs three of them

            server._script = {"RCPT": [self.SLOWER]}
            first.desk.connection.quit()
            await first.desk.until(lambda: not first.site._connections)
            await first.desk.sends(CAROL)
            for worker in (first, second):
                await worker.desk.until(lambda worker=worker: worker.site.standing.measures.on)
                [measure] = worker.site.standing.measures.on
                assert measure.name == "The site asks us to slow down"
                await worker.desk.until(
                    lambda worker=worker: worker.site.standing.limits.connections == 2
                )

            monkeypatch.setattr(time, "time", lambda: now() + 601)
            await first.desk.until(lambda: first.site.standing.limits == GENEROUS)

    @on_each_loop
    async def test_a_suspension_puts_off_what_waits_and_its_own_words_do_not_prolong_it(self):
        server = ScriptedServer({"RCPT": [Act("421 4.7.0 [TS04] Messages deferred", Then.CLOSE)]})
        async with workers(1, server, groups=[["mx1.yahoodns.net"]]) as [worker]:
            await worker.desk.sends(CAROL)
            await worker.desk.until(lambda: worker.site.standing.suspension)
            until = worker.site.standing.suspension.until
            [why] = await worker.desk.sends("dave@example.net")
            await worker.desk.until(lambda: not worker.shaper._tasks)
            assert worker.site.standing.suspension.until == until

        assert why.startswith(
            "Yahoo defers for complaints; mx1.yahoodns.net said: 421 4.7.0 [TS04]"
        )
        assert len(server.seen) == 1


@pytest.mark.parametrize("limits", [Limits(), GENEROUS, FOUR])
def test_limits_over_and_within(limits):
    assert limits.over(Limits()) == limits == Limits().over(limits)
    assert limits.within(Limits()) == limits == Limits().within(limits)
    assert FOUR.within(GENEROUS) == FOUR == FOUR.over(GENEROUS)
