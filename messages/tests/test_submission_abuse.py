"""The submission door under clients that break off, flood or idle, and when it has to stop."""

import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress

import psutil
import pytest

from cloudmta.startup import allow_connections
from cloudmta.testing import ROOT, House, answers, eventually, free_ports
from messages.tests.submission_client import (
    ALICE,
    Books,
    Client,
    alice,
    content,
    guest,
    open_books,
)

pytestmark = pytest.mark.xdist_group("house")

TO = "delivered@sim.test"
MEBIBYTE = 1024 * 1024


@pytest.fixture
def books(house: House) -> Books:
    return open_books(house)


def family(parent: int) -> list[psutil.Process]:
    """Return the processes that serve, not the one that watches over them."""
    return psutil.Process(parent).children()


def memory(house: House) -> int:
    return sum(process.memory_info().rss for process in family(house._processes["submission"].pid))


def is_connected(house: House, port: int) -> bool:
    """Say whether a process of the door still holds the connection from a port."""
    return any(
        connection.raddr and connection.raddr.port == port
        for process in family(house._processes["submission"].pid)
        for connection in process.net_connections("tcp")
    )


@contextmanager
def a_door_of_its_own(house: House, processes: int = 2):
    """Start another door on the house's database, and yield its process and one of its ports."""
    port, tls_port = free_ports(2)
    environment = house.environment | {
        "SUBMISSION_PORTS": str(port), "SUBMISSION_TLS_PORTS": str(tls_port),
        "SUBMISSION_PROCESSES": str(processes),
    }  # fmt: skip
    parent = subprocess.Popen(
        [sys.executable, "manage.py", "submission"],
        cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield parent, port
    finally:
        if parent.poll() is None:
            parent.terminate()
        parent.wait(timeout=60)


class TestBreakingOff:
    @pytest.mark.parametrize("how", ["close", "half-close", "reset"])
    def test_half_a_message_is_none(self, house, books, how):
        with alice(house) as client:
            port = client.socket.getsockname()[1]
            client.begin(TO)
            client.send(content() + b".\r")
            if how == "close":
                client.close()
            elif how == "half-close":
                client.socket.shutdown(socket.SHUT_WR)
            else:
                linger = b"\1\0\0\0\0\0\0\0"  # close by RST
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                client.close()

            eventually(lambda: not is_connected(house, port), seconds=10)
        assert books.new_messages() == 0

    def test_a_reset_in_the_middle_is_text(self, house, books):
        with alice(house) as client:
            reply = client.submit(content(body="RSET\r\nQUIT\r\n"), TO)

        assert reply.startswith("250 ")
        assert books.new_messages() == 1

    def test_nobody_stays_behind_when_the_handshake_fails(self, house):
        with Client(house) as client:
            port = client.socket.getsockname()[1]
            client.read()
            client.say("EHLO me", "STARTTLS")
            client.send(b"MAIL FROM:<x@y.test>\r\n")

            eventually(lambda: not is_connected(house, port), seconds=10)


class TestFloods:
    def flood(self, client: Client, piece: bytes, pieces: int) -> None:
        for _ in range(pieces):
            try:
                client.send(piece)
            except OSError:
                return  # we were shown the door

    @pytest.mark.parametrize("log_in", [False, True])
    def test_a_line_without_end_is_not_kept(self, house, log_in):
        before = memory(house)
        with alice(house) if log_in else guest(house) as client:
            port = client.socket.getsockname()[1]
            self.flood(client, b"x" * MEBIBYTE, 50)

            eventually(lambda: not is_connected(house, port), seconds=10)
        assert memory(house) - before < 20 * MEBIBYTE

    def test_a_content_without_end_is_not_kept(self, house, books):
        with alice(house) as client:
            client.begin(TO)
            before = memory(house)
            self.flood(client, (b"x" * 62 + b"\r\n") * (MEBIBYTE // 64), 100)
            assert memory(house) - before < 40 * MEBIBYTE

            client.send(b".\r\n")
            assert client.read() == "552 5.3.4 Message too big (limit 10485760 bytes)"
            assert client.say("NOOP") == "250 2.0.0 Ok"
        assert books.new_messages() == 0

    def test_commands_without_pause_are_not_kept(self, house):
        before = memory(house)
        with alice(house) as client:
            self.flood(client, f"MAIL FROM:<{ALICE}>\r\nRSET\r\n".encode() * 20_000, 20)
        assert memory(house) - before < 20 * MEBIBYTE

    def test_noise_in_place_of_tls_is_shown_the_door(self, house):
        for seed in range(20):
            with socket.create_connection(("127.0.0.1", house.smtps_port), 10) as client:
                client.sendall(random.Random(seed).randbytes(1000))
                with suppress(ConnectionError):
                    assert client.recv(1000)[:1] in (b"", b"\x15")  # the end, or a TLS alert

    @pytest.mark.parametrize("seed", range(5))
    def test_noise_is_answered_and_shown_the_door(self, house, seed):
        noise = random.Random(seed).randbytes(200_000)
        with Client(house) as client:
            port = client.socket.getsockname()[1]
            self.flood(client, noise, 1)
            while (reply := client.read())[:3] not in ("421", ""):
                assert reply[:3] in ("220", "500", "501", "502", "503")

            eventually(lambda: not is_connected(house, port), seconds=10)

    def test_three_hundred_idle_clients_disturb_nobody(self, house):
        with ExitStack() as crowd:
            for number in range(300):
                client = crowd.enter_context(Client(house, source=f"127.0.3.{number % 250 + 1}"))
                assert client.read().startswith("220 ")
            started = time.monotonic()
            with alice(house) as client:
                assert client.submit(content(), TO).startswith("250 ")
            assert time.monotonic() - started < 5

    def test_as_many_files_as_the_system_allows(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
            allow_connections()
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= before[0]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


class TestStopping:
    def test_a_message_in_flight_comes_in_and_the_idle_are_told(self, house, books):
        with alice(house) as busy, alice(house, tls=True) as idle, Client(house) as stranger:
            stranger.read()
            busy.begin(TO)
            process, started = house._processes["submission"], time.monotonic()
            process.send_signal(signal.SIGTERM)
            gone = "421 4.3.2 Service shutting down"
            assert (idle.read(), idle.read()) == (gone, "")
            assert (stranger.read(), stranger.read()) == (gone, "")

            busy.send(content() + b".\r\n")
            assert busy.read().startswith("250 Thanks! Queued as: ")
            assert busy.read() == gone
            house.kill("submission", signal.SIGTERM)
        assert process.returncode == 0
        assert time.monotonic() - started < 10
        assert books.new_messages() == 1
        house.open("submission")

    def test_it_stops_at_any_moment_of_its_start(self, house):
        with a_door_of_its_own(house, processes=6) as (parent, _):
            eventually(lambda: family(parent.pid))
            parent.terminate()

            assert parent.wait(timeout=30) == 0

    def test_a_child_that_dies_is_replaced_and_none_outlives_its_parent(self, house):
        with a_door_of_its_own(house) as (parent, port):
            eventually(lambda: answers(port))
            first, second = eventually(lambda: len(found := family(parent.pid)) == 2 and found)
            first.kill()
            eventually(lambda: len({*family(parent.pid)} - {first, second}) == 1)

            children = family(parent.pid)
            os.kill(parent.pid, signal.SIGKILL)
            _, alive = psutil.wait_procs(children, timeout=30)
            assert not alive

    def test_a_port_that_is_taken_is_told_in_a_sentence(self, house):
        done = house.try_manage("submission")

        assert done.returncode == 1
        assert done.stderr == (
            f"CommandError: Port {house.smtp_port} on 127.0.0.1 cannot be opened (Address already "
            "in use): stop what listens there, or set SUBMISSION_PORTS and SUBMISSION_TLS_PORTS.\n"
        )


def test_none_of_this_was_a_surprise(house):
    log = house.log("submission")

    for surprise in ("Traceback", "never retrieved", "Warning", "never awaited", "died"):
        assert surprise not in log
