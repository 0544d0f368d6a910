"""A site whose exchangers refuse, close, hang and talk nonsense: what becomes of the mail."""

import random
import time

import pytest

from messages import jobs, opener, transfer
from messages.shaping import measures
from messages.smtp.client import Phase
from messages.tests.scripted import CLOSE, HANG, RESET, Act, ScriptedServer, Then
from messages.tests.sites_driver import CAROL, MOST, OK, desk, many, on_each_loop

NOT_YOU = {"connect": [Act("554 5.7.1 Not from you", Then.CLOSE)]}
NO_SMTP = Act("<html>")
LOST = "451 4.4.2 The connection was lost before the message was sent"
DOUBT = "451 4.4.2 Connection lost after the final dot; it may have arrived"
BYE = Act("421 4.3.2 Bye", Then.CLOSE)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let patience end soon."""
    for phase in Phase:
        monkeypatch.setitem(transfer.PATIENCE, phase, 0.25)
    monkeypatch.setattr(transfer, "TLS_SECONDS", 0.25)


@pytest.mark.usefixtures("hasty")
class TestFailover:
    BAD_FIRST = [
        NOT_YOU,
        {"connect": [Act("421 Busy", Then.CLOSE)]},
        {"connect": [NO_SMTP]},
        {"connect": [CLOSE]},
        {"connect": [RESET]},
        {"connect": [HANG]},
        {"connect": [Act(b"220", Then.HANG)]},
        {"EHLO": [HANG]},
        {"EHLO": [RESET]},
        {"EHLO": [Act("500 What?")], "HELO": [Act("550 No")]},
        {"EHLO": [Act("500 What?")], "HELO": [HANG]},
    ]

    @pytest.mark.parametrize("script", BAD_FIRST)
    @on_each_loop
    async def test_a_host_that_takes_nobody_is_passed_over(self, script):
        first = ScriptedServer(lambda number: script, offers="STARTTLS")
        second = ScriptedServer()
        async with desk(first, second) as alice:
            assert await alice.sends(*many(3)) == [OK] * 3

        assert second.recipients == many(3) and not first.recipients

    @on_each_loop
    async def test_so_is_one_where_nobody_listens_or_without_address(self):
        server = ScriptedServer()
        async with desk(server, groups=[["mx0", "lost"], ["mx1"]]) as alice:
            assert await alice.sends(CAROL) == [OK]

    @pytest.mark.parametrize("groups", [[["mx1"], ["mx0"]], [["mx0"], ["mx1"]]])
    @on_each_loop
    async def test_a_refusal_is_final_only_where_every_host_refuses(self, groups):
        refusing = ScriptedServer(lambda number: NOT_YOU)
        async with desk(refusing, groups=groups) as alice:
            [verdict] = await alice.sends(CAROL)
            assert verdict.startswith("451 4.4.1 No connection to mx0: ")
        async with desk(refusing) as alice:
            first, *others = await alice.sends(*many(10))
        assert first == "554 5.7.1 Not from you"
        assert all(why.startswith("mx1 is down since ") for why in others)
        assert len(refusing.seen) <= 2 * MOST


class TestDeadSite:
    @on_each_loop
    async def test_all_who_wait_are_told_after_a_handful_of_attempts(self, monkeypatch):
        attempts, connect = [], transfer.connect
        counted = lambda *args, **how: (attempts.append(args), connect(*args, **how))[1]  # noqa: E731
        monkeypatch.setattr(transfer, "connect", counted)
        async with desk(ScriptedServer(), groups=[["mx0"]]) as alice:
            for _ in range(10):
                verdicts = await alice.sends(*many(1000))
                assert all("451 4.4.1 No connection to mx0: " in verdict for verdict in verdicts)
            assert not alice.site.is_unused  # or it would be forgotten

        tried = [job for job in alice.ended if job.transaction.verdict]
        assert len(tried) == 1 and len(alice.ended) == 10_000
        assert all(job.put_off for job in alice.ended if job not in tried)
        assert len(attempts) <= MOST

    @on_each_loop
    async def test_it_is_tried_again_when_some_time_has_passed(self, monkeypatch):
        server = ScriptedServer(lambda number: {} if number else {"connect": [CLOSE]})
        now, monotonic = time.time, time.monotonic
        async with desk(server) as alice:
            assert await alice.sends(CAROL) == ["451 4.4.2 The connection was closed"]
            [why] = await alice.sends(CAROL)
            assert why.startswith("mx1 is down since ")
            monkeypatch.setattr(time, "time", lambda: now() + measures.DOWN_FOR[0] + 1)
            monkeypatch.setattr(time, "monotonic", lambda: monotonic() + opener.DOWN_FOR + 1)
            assert await alice.sends(CAROL) == [OK]
            assert not alice.site.standing.measures.on

    @pytest.mark.parametrize("act", [BYE, CLOSE, RESET, HANG, NO_SMTP])
    @on_each_loop
    async def test_so_is_one_that_greets_and_never_takes_anything(self, act, hasty):
        server = ScriptedServer(lambda number: {"MAIL": [act]})
        async with desk(server) as alice:
            verdicts = await alice.sends(*many(500))

        assert all(verdict[0] == "4" or " is down since " in verdict for verdict in verdicts)
        assert len(server.seen) <= 2 * MOST
        assert not server.recipients


class TestLoss:
    @pytest.mark.parametrize("then", [Then.CLOSE, Then.HANG, Then.RESET])
    @pytest.mark.parametrize("step", ["MAIL", "RCPT"])
    @on_each_loop
    async def test_what_was_said_before_the_end_is_the_verdict(self, step, then, hasty):
        # iCloud closes right after it has refused a recipient.
        server = ScriptedServer(lambda number: {step: [Act("550 5.7.1 No", then)]})
        number = 1 if then is Then.HANG else opener.MAX_FRUITLESS + 2
        async with desk(server) as alice:
            assert await alice.sends(*many(number)) == ["550 5.7.1 No"] * number

        assert len(server.seen) == number  # which is no reason to think that it is down

    @pytest.mark.parametrize("act", [CLOSE, RESET, BYE])
    @on_each_loop
    async def test_a_connection_that_ends_between_messages_costs_the_next_one_nothing(self, act):
        server = ScriptedServer(lambda number: {"MAIL": [Act(), act]} if number == 0 else {})
        async with desk(server) as alice:
            await alice.sends(CAROL)
            [job] = alice.submit("dave@example.net")
            await alice.all_ended()

        assert str(job.transaction.verdict) == OK and job.returns == 1
        assert server.recipients == [CAROL, "dave@example.net"]
        assert job.transaction.dialogue[0].startswith("C: MAIL")
        assert len(job.transaction.dialogue) == 8

    @on_each_loop
    async def test_words_on_an_idle_connection_end_it_and_harm_nobody(self):
        server = ScriptedServer({"dot": [Act(b"250 Ok\r\n421 4.4.2 Idle\r\n")]})
        async with desk(server) as alice:
            assert await alice.sends(CAROL) == [OK]
            await alice.until(lambda: not alice.site._connections)
            assert await alice.sends("dave@example.net") == [OK]

    @on_each_loop
    async def test_garbage_behind_a_reply_ends_the_connection_at_once(self):
        server = ScriptedServer({"dot": [Act(b"250 Ok\r\n<html>\r\n")]})
        async with desk(server) as alice:
            assert await alice.sends(CAROL) == [OK]
            await alice.until(lambda: not alice.site._connections)

    @on_each_loop
    async def test_a_message_is_taken_back_so_often_and_no_more(self):
        server = ScriptedServer(lambda number: {"RCPT": [CLOSE]})
        async with desk(server) as alice:
            [job] = alice.submit(CAROL)
            await alice.all_ended()

        assert str(job.transaction.verdict) == LOST and not job.is_in_doubt
        assert len(server.seen) == 1 + jobs.MAX_RETURNS

    @pytest.mark.parametrize("then", [CLOSE, RESET, HANG, NO_SMTP])
    @on_each_loop
    async def test_after_the_dot_nobody_knows_and_nobody_else_is_tried(self, then, hasty):
        server, other = ScriptedServer({"dot": [then]}), ScriptedServer()
        async with desk(server, other) as alice:
            [job] = alice.submit(CAROL)
            await alice.all_ended()

        assert job.is_in_doubt and str(job.transaction.verdict) == DOUBT
        assert job.contact.exchanger == "mx1" and not other.seen and len(server.seen) == 1

    @pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
    @on_each_loop
    async def test_who_hangs_is_waited_for_once(self, step, hasty):
        server = ScriptedServer(lambda number: {step: [HANG]})
        async with desk(server) as alice:
            assert await alice.sends(CAROL) == [f"451 4.4.2 No answer in time to {step}"]

        assert len(server.seen) == 1

    @on_each_loop
    async def test_a_reply_that_never_ends_is_no_answer(self, monkeypatch):
        monkeypatch.setitem(transfer.PATIENCE, Phase.MAIL, 0.2)
        server = ScriptedServer({"MAIL": [Act(b"250-", Then.TRICKLE)]})
        async with desk(server) as alice:
            assert await alice.sends(CAROL) == ["451 4.4.2 No answer in time to MAIL"]

    @on_each_loop
    async def test_421_is_the_verdict_of_whom_it_answers(self):
        server = ScriptedServer(lambda number: {"RCPT": [Act(), BYE]} if number == 0 else {})
        async with desk(server) as alice:
            assert await alice.sends(*many(3)) == [OK, "421 4.3.2 Bye", OK]


STEPS = ["connect", "EHLO", "STARTTLS", "TLS", "MAIL", "RCPT", "DATA", "dot", "RSET", "QUIT"]
ACTS = [
    *[CLOSE, RESET, BYE, NO_SMTP, HANG, Act("450 4.2.1 a"), Act("550 5.1.1 b")],
    *[Act("251 Ok"), Act("550 5.7.1 c", Then.CLOSE), Act(b"250-more\r\n250 Ok\r\n")],
]


@pytest.mark.parametrize("seed", range(3))
@on_each_loop
async def test_in_any_storm_each_message_ends_once_and_as_its_verdict_says(seed, hasty):
    dice = random.Random(seed)

    def script(number: int) -> dict[str, list[Act]]:
        steps = dice.sample(STEPS, 2)
        return {step: [Act()] * dice.randrange(5) + [dice.choice(ACTS)] for step in steps}

    first, second = ScriptedServer(script, offers="PIPELINING STARTTLS"), ScriptedServer(script)
    async with desk(first, second) as alice:
        jobs = alice.submit(*many(300))
        await alice.all_ended()

    taken = first.recipients + second.recipients
    for job in jobs:
        times = taken.count(job.transaction.recipient)
        assert times <= 1
        assert bool(times) == job.transaction.verdict.is_positive or job.is_in_doubt
    assert alice.most_connections <= MOST
    assert sum(job.transaction.verdict.is_positive for job in jobs) > 50
