"""Keep processes running: start them, show what they say, start again who dies, stop them all."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from cloudmta.embedded import Service, die_with_parent

# Seconds before who has died is started again, and for going quietly when told to stop.
PAUSE, PATIENCE = 1, 30
# Seconds that children have to end whose parent has died: until then they hold its ports.
ORPHANED = 5
# Seconds between looks at whether a parent has died whose children live on.
LOOK_EVERY = 0.5


def read_procfile(path: Path) -> list[Service]:
    """Return the processes of a Procfile: `name: shell command`, one a line."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and line[0] != "#"]
    pairs = [line.partition(":") for line in lines]
    return [
        Service(name, ("/bin/sh", "-c", f"exec {command.strip()}"), None, signal.SIGTERM)
        for name, _, command in pairs
    ]


class Supervisor:
    """A family of processes. What they print goes to our output, with their name before it."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stop_signals: dict[str, signal.Signals] = {}
        self._is_stopping = False

    def start(self, service: Service) -> None:
        """Start a process, and start it again whenever it ends by itself."""
        self._stop_signals[service.name] = service.stop_signal
        self._keepers[service.name] = asyncio.create_task(self._keep(service))

    async def _keep(self, service: Service) -> None:
        while not self._is_stopping:
            process = self._running[service.name] = await asyncio.create_subprocess_exec(
                *service.argv,
                cwd="/" if service.user else self._directory,
                env=self._environment,
                user=service.user,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C is for us; we tell the others, in order.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
            code = await self._until_ended(service.name, process)
            if not self._is_stopping:
                self._print(service.name, f"ended with {code}; starting again")
                await asyncio.sleep(PAUSE)

    async def _until_ended(self, name: str, process: asyncio.subprocess.Process) -> int:
        """Show what a process says until it has ended, and all its children; return its code."""
        showing = asyncio.create_task(self._show(name, process))
        while not showing.done() and process.returncode is None:
            # process.wait() would be of no use: it waits for the output to end, as we do.
            await asyncio.wait([showing], timeout=LOOK_EVERY)
        await asyncio.wait([showing], timeout=ORPHANED if process.returncode is not None else None)
        if not showing.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await showing
        return await process.wait()

    async def _show(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # a line beyond all bounds
                continue
            if not line:
                return
            self._print(name, line.decode(errors="replace").rstrip())

    def _print(self, name: str, line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {name:<13}| {line}", file=sys.stderr, flush=True)

    async def stop(self, last: Iterable[str]) -> None:
        """Stop everybody, and those named last (whom the others need) in that order at the end."""
        self._is_stopping = True
        later = list(last)
        await self._stop_together([name for name in self._running if name not in later])
        for name in later:
            await self._stop_together([name])
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)

    async def _stop_together(self, names: list[str]) -> None:
        for name in names:
            _send(self._running[name], self._stop_signals[name])
        waiting = [asyncio.create_task(self._running[name].wait()) for name in names]
        if waiting:
            await asyncio.wait(waiting, timeout=PATIENCE)
        for name in names:
            _send(self._running[name], signal.SIGKILL)


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.send_signal(number)
