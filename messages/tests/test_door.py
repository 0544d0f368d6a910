"""A door's connections: how many, how long, how much, and how they end."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from messages import door
from messages.door import Listener
from messages.smtp.server import ServerConfig
from messages.tests.door_driver import ENVELOPE, MEBIBYTE, OK, House, an_open_house


@pytest.fixture
def play(settings, tmp_path) -> Callable[[Callable[[House], Awaitable[None]]], None]:
    """Run a scene in an open house."""
    settings.TLS_DIR = tmp_path / "tls"

    async def run(scene):
        async with an_open_house() as house:
            await scene(house)

    return lambda scene: uvloop.run(run(scene))


class TestHowMany:
    @pytest.mark.parametrize("limit", ["MAX_PER_ADDRESS", "MAX_CONNECTIONS"])
    @pytest.mark.parametrize("tls", [False, True])
    def test_who_comes_when_it_is_full_is_told(self, play, monkeypatch, limit, tls):
        monkeypatch.setattr(door, limit, 2)

        async def scene(house):
            first, second = await house.enter(), await house.enter(tls=True)
            assert (await first.read())[:4] == (await second.read())[:4] == "220 "

            third = await house.enter(tls=tls)
            assert await third.read() == "421 4.7.0 Too many connections"
            assert await third.read() == ""

            first.writer.transport.abort()
            await house.sees(lambda: len(house.listener.sessions) == 1)
            assert (await (await house.enter(tls=tls)).read())[:4] == "220 "

        play(scene)

    @pytest.mark.parametrize("port", [0, 1])
    @pytest.mark.parametrize("octets", [b"", b"\0\xffEHLO\r\n", b"\x16\x03\x01\x02\x00\x01"])
    def test_who_breaks_off_leaves_nothing(self, play, monkeypatch, caplog, port, octets):
        # Who is gone before TLS begins may be noticed only when its time is over.
        monkeypatch.setattr(door, "MAX_HANDSHAKE", 2)

        async def scene(house):
            for _ in range(50):
                _, writer = await asyncio.open_connection("127.0.0.1", house.listener.ports[port])
                if port == 0:
                    writer.write(b"EHLO x\r\nSTARTTLS\r\n")
                    await asyncio.sleep(0)
                writer.write(octets)
                writer.close()
            await house.sees(lambda: not house.listener.sessions)
            assert not house.listener._by_address

        play(scene)
        assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


class TestHowLong:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch):
        monkeypatch.setattr(door, "LOOK_EVERY", 0.3)

    @pytest.mark.parametrize("port", [0, 1])
    def test_who_never_begins_tls_may_not_stay(self, play, monkeypatch, port):
        monkeypatch.setattr(door, "MAX_HANDSHAKE", 0.2)

        async def scene(house):
            where = "127.0.0.1", house.listener.ports[port]
            # On the second port, only the end of the connection shows that we noticed.
            reader, writer = await asyncio.open_connection(*where)
            house.clients.append(writer)
            if port == 0:
                writer.write(b"EHLO x\r\nSTARTTLS\r\n")
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionError):
                    await reader.read()
            await house.sees(lambda: not house.listener.sessions)

        play(scene)

    @pytest.mark.parametrize("tls", [False, True])
    def test_a_stranger_may_not_stay(self, play, monkeypatch, tls):
        monkeypatch.setattr(door, "MAX_STRANGER", 0.2)

        async def scene(house):
            client = await house.enter(tls=tls)
            await client.read()
            reading = asyncio.create_task(client.read_until("421 4.4.2 Timeout"))
            while not reading.done():
                client.send(b"NOOP\r\n")  # which does not make him known
                await asyncio.sleep(0.01)
            reading.result()

        play(scene)

    def test_a_content_may_not_take_for_ever(self, play, monkeypatch):
        monkeypatch.setattr(door, "MAX_CONTENT", 0.3)

        async def scene(house):
            client = await house.enter()
            client.send(ENVELOPE)
            await client.read_until("354 ")
            # He reads all the time: what he sends after the end may take the last word away.
            reading = asyncio.create_task(client.read())
            while not reading.done():
                client.send(b"x")
                await asyncio.sleep(0.01)
            assert reading.result() == "421 4.4.2 Timeout, closing connection"
            assert house.listener.held == 0

        play(scene)

    def test_who_waits_for_us_is_not_blamed(self, play, monkeypatch):
        monkeypatch.setattr(door, "MAX_CONTENT", 0.2)
        monkeypatch.setattr(door, "MAX_STRANGER", 0.2)

        async def scene(house):
            client = await house.enter()
            client.send(ENVELOPE)
            await client.read_until("354 ")
            client.send(b"x\r\n.\r\n")
            await house.sees(lambda: house.listener.waiting)
            await asyncio.sleep(0.5)
            house.listener.waiting.pop().respond(OK)
            assert await client.read() == "250 2.0.0 Ok"

        play(scene)


class TestHowMuch:
    def test_a_content_is_held_until_it_is_answered(self, play):
        async def scene(house):
            client = await house.enter()
            client.send(ENVELOPE)
            await client.read_until("354 ")
            client.send(b"x" * 500 + b"\r\n" + b"x" * 98 + b"\r\n.\r\n")
            await house.sees(lambda: house.listener.waiting)
            assert house.listener.held == 605
            house.listener.waiting.pop().respond(OK)
            await client.read()
            assert house.listener.held == 0

        play(scene)

    def test_what_is_thrown_away_is_not_held(self, play):
        async def scene(house):
            client = await house.enter()
            client.send(ENVELOPE)
            await client.read_until("354 ")
            for _ in range(30):
                client.send(b"x" * 98 + b"\r\n" * (MEBIBYTE // 2))
                await client.writer.drain()
                assert house.listener.held <= MEBIBYTE
            client.send(b"\r\n.\r\n")
            await house.sees(lambda: house.listener.waiting)
            assert house.listener.held == MEBIBYTE

        play(scene)

    def test_who_goes_beyond_what_can_be_held_is_cut_off(self, play, monkeypatch):
        monkeypatch.setattr(door, "TOO_MUCH_HELD", 5000)

        async def scene(house):
            first, second = await house.enter(), await house.enter()
            for client in (first, second):
                client.send(ENVELOPE)
                await client.read_until("354 ")
            first.send((b"x" * 98 + b"\r\n") * 30)
            await house.sees(lambda: house.listener.held == 3000)
            second.send(b"x" * 3000)
            assert await second.read() == "421 4.3.1 Too much mail at once, try again later"
            await house.sees(lambda: house.listener.held == 3000)
            first.send(b".\r\n")
            await house.sees(lambda: house.listener.waiting)
            house.listener.waiting.pop().respond(OK)
            assert await first.read() == "250 2.0.0 Ok"

        play(scene)

    def test_who_breaks_off_is_not_held(self, play):
        async def scene(house):
            client = await house.enter()
            client.send(ENVELOPE)
            await client.read_until("354 ")
            client.send(b"x" * 1000)
            await house.sees(lambda: house.listener.held)
            client.writer.transport.abort()
            await house.sees(lambda: house.listener.held == 0)
            assert not house.listener.sessions

        play(scene)

    def test_who_does_not_read_our_replies_is_not_read_from(self, play):
        async def scene(house):
            client = await house.enter()
            client.reader._transport.pause_reading()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2):
                    while True:
                        client.send(b"HELP\r\n" * 10_000)
                        await client.writer.drain()
            (session,) = house.listener.sessions
            assert session.transport.get_write_buffer_size() < 4 * MEBIBYTE

        play(scene)


class TestTheEnd:
    @pytest.mark.parametrize("tls", [False, True])
    def test_the_idle_are_dismissed_at_once_even_if_they_do_not_listen(self, play, tls):
        async def scene(house):
            client = await house.enter(tls=tls)
            await client.read()
            client.reader._transport.pause_reading()
            async with asyncio.timeout(5):
                await house.listener.close()
            client.reader._transport.resume_reading()
            # Under TLS, asyncio forgets what it had not read when the end came.
            assert tls or await client.read() == "421 4.3.2 Service shutting down"
            assert await client.read() == ""

        play(scene)

    @pytest.mark.parametrize("tls", [False, True])
    def test_a_message_on_its_way_in_is_waited_for(self, play, tls):
        async def scene(house):
            client = await house.enter(tls=tls)
            client.send(ENVELOPE)
            await client.read_until("354 ")
            closing = asyncio.create_task(house.listener.close())
            await asyncio.sleep(0.3)
            client.send(b"x\r\n.\r\n")
            await house.sees(lambda: house.listener.waiting)
            await asyncio.sleep(0.3)
            house.listener.waiting.pop().respond(OK)
            assert await client.read() == "250 2.0.0 Ok"
            assert await client.read() == "421 4.3.2 Service shutting down"
            async with asyncio.timeout(5):
                await closing

        play(scene)

    def test_who_takes_too_long_is_dismissed(self, play, monkeypatch):
        monkeypatch.setattr(door, "FAREWELL", 0.3)

        async def scene(house):
            client = await house.enter()
            client.send(ENVELOPE)
            await client.read_until("354 ")
            async with asyncio.timeout(5):
                await house.listener.close()
            assert await client.read() == "421 4.3.2 Service shutting down"

        play(scene)


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [("127.0.0.1", True), ("::1", True), ("::1%lo", True), ("192.0.2.1", False), ("", False)],
)
def test_a_log_in_without_tls_is_for_this_very_machine(address, is_ours):
    listener = Listener(ServerConfig("mx", MEBIBYTE, auth=True, auth_in_clear=True), None)

    config = listener.config_for(address)

    assert (config.auth_in_clear, config.require_tls) == (is_ours, not is_ours)
