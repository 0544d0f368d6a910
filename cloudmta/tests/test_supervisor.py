"""The supervisor keeps real processes running, whatever they leave behind."""

import asyncio
import os
import signal

import psutil

from cloudmta import supervisor
from cloudmta.embedded import Service
from cloudmta.supervisor import Supervisor
from cloudmta.testing import PATIENCE

# A parent and its child, of which either would live for ever.
FAMILY = "sleep 1000 & echo $$ $! >> born; wait"


async def births(directory, count):
    """Wait until a family was started so often; return the pids of parents and children."""
    async with asyncio.timeout(PATIENCE):
        while True:
            born = directory / "born"
            lines = born.read_text().splitlines() if born.exists() else []
            if len(lines) == count:
                return [[int(pid) for pid in line.split()] for line in lines]
            await asyncio.sleep(0.02)


def is_running(pid):
    """Say whether a process is at work; one that is dead may be waiting to be buried."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_who_was_killed_is_started_again_though_its_child_lives_on(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "ORPHANED", 0.1)
    monkeypatch.setattr(supervisor, "PAUSE", 0.1)

    async def story():
        family = Supervisor(tmp_path, dict(os.environ))
        family.start(Service("family", ("/bin/sh", "-c", FAMILY), None, signal.SIGTERM))
        [[parent, _]] = await births(tmp_path, 1)

        os.kill(parent, signal.SIGKILL)
        _, [second, child] = await births(tmp_path, 2)

        os.kill(child, signal.SIGTERM)  # or it would hold the output of a parent that stops
        await family.stop(last=())
        return second

    second = asyncio.run(story())
    assert not is_running(second)
