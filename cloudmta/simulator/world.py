"""Run the outside world on loopback: DNS, exchangers, and the capture store, on one event loop."""

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field

import uvloop
from aiohttp import web

from cloudmta.simulator import http
from cloudmta.simulator.dns import NameServer
from cloudmta.simulator.exchanger import Exchanger
from cloudmta.simulator.postman import Postman
from cloudmta.simulator.store import Store
from cloudmta.simulator.zone import Zone

LOOPBACK = "127.0.0.1"
SECOND_LOOPBACK = "127.0.0.2"  # of mx2.sim.test; macOS has no such address until it is made

# A port that the system found free for one socket may be taken for the next one.
ATTEMPTS_AT_FREE_PORT = 20

# Connections that wait to be accepted, when a benchmark opens many at once.
BACKLOG = 1024

# Seconds for HTTP requests that are being answered when the end comes.
SHUTDOWN_AFTER = 1.0


class PortInUse(Exception):
    """We cannot listen where we should. Says which port it is, in one sentence."""


@dataclass(frozen=True)
class Options:
    """Where a world listens (port 0: any that is free), and how it behaves."""

    host: str = LOOPBACK
    dns_port: int = 8053
    smtp_port: int = 2500
    http_port: int = 8025
    keep_content: bool = True  # False: messages are counted and not kept
    starttls: bool = True
    slow_delay: float = 3.0  # seconds before each reply to `slow`
    bounces_port: int = 2526  # where the exchangers of other domains are, to send reports to
    report_delay: float = 1.0  # seconds until a bounce or a complaint sets out


@dataclass(frozen=True)
class World:
    """A world that runs, with the ports that it found."""

    host: str
    dns_port: int
    smtp_port: int
    http_port: int
    zone: Zone
    store: Store
    loop: asyncio.AbstractEventLoop = field(repr=False)
    stopping: asyncio.Event = field(repr=False)

    def stop(self) -> None:
        """End it, from any thread, if it has not ended."""
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self.stopping.set)


@dataclass(frozen=True)
class Ports:
    """The sockets of a world, bound and not yet served."""

    dns: list[socket.socket]  # TCP, UDP
    smtp: list[socket.socket]
    http: list[socket.socket]


Place = tuple[str, socket.SocketKind]


def run(options: Options, ready: Callable[[World], None]) -> None:
    """Run a world until it is stopped, or the process gets SIGTERM or SIGINT."""
    uvloop.run(serve(options, ready))


@contextmanager
def running(options: Options) -> Iterator[World]:
    """Run a world on a thread of its own, for as long as a test needs it."""
    started: Future[World] = Future()

    def work() -> None:
        try:
            run(options, started.set_result)
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=work, name="simulator", daemon=True)
    thread.start()
    world = started.result()
    try:
        yield world
    finally:
        world.stop()
        thread.join()


async def serve(options: Options, ready: Callable[[World], None]) -> None:
    """Run a world on this event loop; `ready` is called once everything listens."""
    # All ports before anything starts, so that one in use leaves nothing behind.
    with bind_all(options) as ports:
        world = World(
            host=options.host,
            dns_port=port_of(ports.dns[0]),
            smtp_port=port_of(ports.smtp[0]),
            http_port=port_of(ports.http[0]),
            zone=Zone(),
            store=Store(keep_content=options.keep_content),
            loop=asyncio.get_running_loop(),
            stopping=asyncio.Event(),
        )
        async with listening(world, options, ports):
            with stopped_by_signals(world.stopping):
                ready(world)
                await world.stopping.wait()


@asynccontextmanager
async def listening(world: World, options: Options, ports: Ports) -> AsyncIterator[None]:
    """Open everything, and close it in the reverse order."""
    postman = Postman(options.host, world.dns_port, options.bounces_port, options.report_delay)
    exchanger = Exchanger(
        world.store, postman, starttls=options.starttls, slow_delay=options.slow_delay
    )
    names = NameServer(world.zone)
    app = http.application(world.store, world.zone)
    site = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_AFTER)
    async with AsyncExitStack() as stack:
        await names.open(tcp=ports.dns[0], udp=ports.dns[1])
        stack.push_async_callback(names.close)
        stack.push_async_callback(postman.close)
        await exchanger.open(ports.smtp)
        stack.push_async_callback(exchanger.close)
        await site.setup()
        stack.push_async_callback(site.cleanup)
        await web.SockSite(site, ports.http[0]).start()
        yield


@contextmanager
def bind_all(options: Options) -> Iterator[Ports]:
    """Bind every socket of a world. PortInUse: one of them cannot be had."""
    host = options.host
    with ExitStack() as stack:
        dns = [(host, socket.SOCK_STREAM), (host, socket.SOCK_DGRAM)]
        yield Ports(
            dns=bind_together(stack, options.dns_port, dns),
            smtp=bind_together(stack, options.smtp_port, smtp_places(host)),
            http=bind_together(stack, options.http_port, [(host, socket.SOCK_STREAM)]),
        )


def smtp_places(host: str) -> list[Place]:
    """Return where exchangers listen: on both loopback addresses, where there are two."""
    hosts = [host]
    if host == LOOPBACK and is_address_of_ours(SECOND_LOOPBACK):
        hosts.append(SECOND_LOOPBACK)
    return [(host, socket.SOCK_STREAM) for host in hosts]


def is_address_of_ours(host: str) -> bool:
    """Tell whether one can listen on an address at all."""
    try:
        bind(host, 0, socket.SOCK_DGRAM).close()
    except PortInUse:
        return False
    return True


def bind_together(stack: ExitStack, port: int, places: Sequence[Place]) -> list[socket.socket]:
    """Bind sockets to the same port in several places."""
    for attempt in range(ATTEMPTS_AT_FREE_PORT):
        with ExitStack() as attempted:
            bound: list[socket.socket] = []
            try:
                for host, kind in places:
                    chosen = port_of(bound[0]) if bound else port
                    bound.append(attempted.enter_context(bind(host, chosen, kind)))
            except PortInUse:
                if port or attempt == ATTEMPTS_AT_FREE_PORT - 1:
                    raise
                continue
            stack.enter_context(attempted.pop_all())
            return bound
    raise AssertionError("the last attempt raises")


def bind(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Return a socket on one port. PortInUse: it cannot be had."""
    bound = socket.socket(socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            # Connections of the last run that are in TIME_WAIT do not hold the port.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        if kind == socket.SOCK_STREAM:
            bound.listen(BACKLOG)  # only now is the port ours alone
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"Port {port} of {host} is in use by another program.") from error
        reason = error.strerror or str(error)
        raise PortInUse(f"Port {port} of {host} cannot be opened: {reason}.") from error
    bound.setblocking(False)
    return bound


def port_of(bound: socket.socket) -> int:
    port: int = bound.getsockname()[1]
    return port


@contextmanager
def stopped_by_signals(stopping: asyncio.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the world cleanly; only the main thread is told of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
