"""A site and its connections, with exchangers on loopback that take what they are given."""

import asyncio
import ssl

import pytest

from accounts.message_class import MessageClass
from cloudmta.simulator import certificate
from messages import seats, transfer
from messages.tests.scripted import CLOSE, HANG, Act, ScriptedServer, Then, tls
from messages.tests.sites_driver import (
    CAROL,
    CONTENT,
    IDLE,
    MOST,
    OK,
    desk,
    many,
    on_each_loop,
    run,
)


class TestConnections:
    @on_each_loop
    async def test_a_message_arrives_as_it_is(self):
        server = ScriptedServer()
        async with desk(server) as alice:
            [job] = alice.submit(CAROL)
            await alice.all_ended()

        assert str(job.transaction.verdict) == OK and not job.is_in_doubt
        contact = job.contact
        assert (contact.exchanger, contact.address, contact.tls) == ("mx1", "127.0.0.1", "")
        assert job.started_at <= job.ended_at
        assert server.seen[0].contents == [CONTENT]
        assert job.transaction.dialogue[-1] == "S: 250 Ok"

    @on_each_loop
    async def test_a_large_message_arrives_too(self):
        server = ScriptedServer(offers="PIPELINING STARTTLS")
        async with desk(server) as alice:
            content = b"Subject: Hi\r\n\r\n" + b".....\r\n" * 200_000
            assert await alice.sends(CAROL, content=content) == [OK]

        assert server.seen[0].contents == [content]

    @on_each_loop
    async def test_messages_share_a_connection(self):
        server = ScriptedServer()
        async with desk(server) as alice:
            assert await alice.sends(*many(15)) == [OK] * 15
            assert await alice.sends(CAROL) == [OK]

        assert len(server.seen) == 1 and server.recipients == [*many(15), CAROL]
        assert "RSET" not in server.seen[0].commands

    @pytest.mark.parametrize("offers", ["PIPELINING", "SIZE"])
    @on_each_loop
    async def test_many_messages_share_few(self, offers):
        server = ScriptedServer(offers=offers)
        async with desk(server) as alice:
            assert await alice.sends(*many(500)) == [OK] * 500

        assert server.most_open == len(server.seen) == MOST
        assert sorted(server.recipients) == sorted(many(500))

    @on_each_loop
    async def test_never_more_however_they_come_and_go(self):
        three_each = {"dot": [Act(), Act(), Act("250 Ok", Then.CLOSE)]}
        server = ScriptedServer(three_each)
        async with desk(server) as alice:
            for _ in range(5):
                alice.submit(*many(100))
                await asyncio.sleep(0)
            await alice.all_ended()

        # The server may hear of a new one before it hears that an old one is gone.
        assert server.most_open <= 2 * MOST
        assert alice.most_connections <= MOST

    @on_each_loop
    async def test_priority_overtakes_whoever_waits(self):
        server = ScriptedServer()
        async with desk(server) as alice:
            alice.submit(*many(5), message_class=MessageClass.DIGEST)
            alice.submit("standard@example.net")
            alice.submit("priority@example.net", message_class=MessageClass.PRIORITY)
            await alice.all_ended()

        assert server.recipients == ["priority@example.net", "standard@example.net", *many(5)]

    @on_each_loop
    async def test_a_message_that_the_server_cannot_take_keeps_nobody_else(self):
        server = ScriptedServer(offers="PIPELINING")
        async with desk(server) as alice:
            verdicts = await alice.sends("jürgen@example.net", CAROL, "jörg@example.net")

        assert [verdict[:9] for verdict in verdicts] == ["550 5.6.7", OK, "550 5.6.7"]
        assert server.recipients == [CAROL]


class TestAge:
    @on_each_loop
    async def test_an_idle_connection_is_taken_leave_of(self):
        server = ScriptedServer()
        async with desk(server) as alice:
            await alice.sends(CAROL)
            assert not alice.site.is_unused
            alice.connection.idle_since -= IDLE
            await server.until(lambda: not server.open_connections)
            await alice.until(lambda: alice.site.is_unused)

        assert server.seen[0].commands[-1] == "QUIT"

    @on_each_loop
    async def test_so_is_an_old_one(self):
        server = ScriptedServer()
        async with desk(server) as alice:
            await alice.sends(CAROL)
            alice.connection.opened_at -= seats.MAX_AGE
            assert await alice.sends(CAROL) == [OK]

        assert [seen.commands[-1] for seen in server.seen] == ["QUIT", "QUIT"]

    @on_each_loop
    async def test_one_that_grows_old_at_work_begins_nothing_more(self):
        server = ScriptedServer()
        async with desk(server) as alice:
            grow_old = lambda job: setattr(alice.connection, "opened_at", -seats.MAX_AGE)  # noqa: E731
            alice.at_first_end = grow_old
            assert await alice.sends(*many(10)) == [OK] * 10

        # The second was on its way already.
        assert [len(seen.recipients) for seen in server.seen] == [2, 8]
        assert server.seen[0].commands[-1] == "QUIT"

    @on_each_loop
    async def test_leave_is_taken_under_tls_even_if_nobody_waves_back(self, monkeypatch):
        monkeypatch.setitem(transfer.PATIENCE, transfer.Phase.DOT, 0.05)
        server = ScriptedServer({"QUIT": [HANG]}, offers="PIPELINING STARTTLS")
        async with desk(server) as alice:
            await alice.sends(CAROL)
            alice.connection.idle_since -= IDLE
            await alice.until(lambda: alice.site.is_unused)


class TestTls:
    OFFERS = "PIPELINING STARTTLS"

    @on_each_loop
    async def test_it_is_used_where_it_is_offered(self):
        server = ScriptedServer(offers=self.OFFERS)
        async with desk(server) as alice:
            [job] = alice.submit(CAROL)
            await alice.all_ended()

        assert str(job.transaction.verdict) == OK and job.contact.tls == "TLSv1.3"
        [seen] = server.seen
        assert seen.is_tls and [one[:4] for one in seen.commands[:4]] == [
            "EHLO", "STAR", "EHLO", "MAIL",
        ]  # fmt: skip

    @on_each_loop
    async def test_an_old_server_gets_its_old_cipher_rather_than_clear_text(self):
        context = certificate.server_context(["mx1.example.net"])
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
        server = ScriptedServer(offers=self.OFFERS, context=context)
        async with desk(server) as alice:
            [job] = alice.submit(CAROL)
            await alice.all_ended()

        assert str(job.transaction.verdict) == OK and job.contact.tls == "TLSv1.2"

    @pytest.mark.parametrize(
        "script",
        [
            {"TLS": [Act("", Then.CLOSE)]},
            {"TLS": [Act("", Then.RESET)]},
            {"TLS": [Act("500 What is TLS?")]},
            {"TLS": [HANG]},
            {"EHLO": [Act(), Act("", Then.CLOSE)]},
            {"EHLO": [Act(), Act("", Then.RESET)]},
            {"STARTTLS": [Act(b"220 Go on\r\n250 injected\r\n")]},
            {"STARTTLS": [CLOSE]},
            {"STARTTLS": [HANG]},
            {"STARTTLS": [Act("<html>")]},
        ],
    )
    @on_each_loop
    async def test_where_it_fails_mail_goes_in_clear_from_then_on(self, script, monkeypatch):
        tls()
        if script == {"TLS": [HANG]}:
            monkeypatch.setattr(transfer, "TLS_SECONDS", 0.05)
        if script == {"STARTTLS": [HANG]}:
            for phase in transfer.Phase:
                monkeypatch.setitem(transfer.PATIENCE, phase, 0.25)
        server = ScriptedServer(lambda number: script, offers=self.OFFERS)
        other = ScriptedServer()
        async with desk(server, other) as alice:
            assert await alice.sends(CAROL) == [OK]
            alice.connection.quit()
            await alice.until(lambda: not alice.site._connections)
            assert not alice.site.is_unused  # or it would be forgotten
            assert await alice.sends(CAROL) == [OK]

        assert [seen.recipients for seen in server.seen] == [[], [CAROL], [CAROL]]
        assert not other.seen

    @on_each_loop
    async def test_a_refusal_costs_no_connection(self):
        server = ScriptedServer({"STARTTLS": [Act("454 4.7.0 Not now")]}, offers=self.OFFERS)
        async with desk(server) as alice:
            assert await alice.sends(CAROL) == [OK]

        assert len(server.seen) == 1

    def test_a_host_with_a_name_that_tls_does_not_know_gets_mail_in_clear(self):
        async def scenario():
            server = ScriptedServer(offers=self.OFFERS)
            async with desk(server, groups=[["a" * 64]]) as alice:
                assert await alice.sends(CAROL) == [OK]

        run("asyncio", scenario())  # uvloop also logs it


class TestEnd:
    @on_each_loop
    async def test_whoever_waits_is_handed_back(self):
        async with desk(ScriptedServer({"connect": [HANG]})) as alice:
            jobs = alice.submit(*many(3))
            alice.site.room.withdraw()
            await alice.all_ended()

        assert all(job.is_withdrawn and job.started_at is None for job in jobs)

    @on_each_loop
    async def test_whoever_was_begun_and_not_sent_is_handed_back_at_the_end(self):
        server = ScriptedServer({"RCPT": [HANG]})
        async with desk(server) as alice:
            jobs = alice.submit(*many(2))
            await server.until(lambda: server.stopped_at == "RCPT")
            alice.site.close()
            jobs += alice.submit(CAROL)
            await alice.all_ended()

        assert all(job.is_withdrawn and not job.transaction.verdict for job in jobs)
        assert len(server.seen) == 1

    @on_each_loop
    async def test_what_has_left_is_in_doubt_at_the_end(self):
        server = ScriptedServer({"dot": [HANG]})
        async with desk(server) as alice:
            [job] = alice.submit(CAROL)
            await server.until(lambda: server.seen and server.seen[0].contents)
            alice.site.close()
            await alice.all_ended()

        assert job.is_in_doubt and job.transaction.verdict.is_transient

    @pytest.mark.parametrize("step", ["connect", "EHLO", "STARTTLS", "TLS"])
    @on_each_loop
    async def test_a_connection_that_is_only_being_made_is_let_go(self, step):
        server = ScriptedServer({step: [HANG]}, offers=TestTls.OFFERS)
        async with desk(server) as alice:
            [job] = alice.submit(CAROL)
            await server.until(lambda: server.stopped_at == step)

        assert job.is_withdrawn and not server.recipients
