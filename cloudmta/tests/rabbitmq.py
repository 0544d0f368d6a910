"""A RabbitMQ of the tests' own, out of Debian's package: on loopback, in a directory, soon gone."""

import os
import signal
import subprocess
from pathlib import Path

from cloudmta.embedded import die_with_parent
from cloudmta.testing import PATIENCE, answers, eventually, free_ports

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQ:
    """Runs from the moment it is made until `stop`."""

    def __init__(self, directory: Path) -> None:
        self.port, peers_port, self._names_port = free_ports(3)
        environment = os.environ | {
            "HOME": str(directory),
            # When it is killed it may leave this behind, otherwise wherever we are.
            "ERL_CRASH_DUMP": str(directory / "erl_crash.dump"),
            "RABBITMQ_NODENAME": "cloudmta@localhost",
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(peers_port),
            # Erlang's daemon of names, of which each of us has its own.
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names_port),
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
        }
        with (directory / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [str(PROGRAM)], env=environment, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        eventually(lambda: answers(self.port), seconds=2 * PATIENCE)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=PATIENCE)
        # It has left our group, and would outlive us.
        forget_names = ["epmd", "-port", str(self._names_port), "-kill"]
        subprocess.run(forget_names, stdout=subprocess.DEVNULL, check=False, timeout=PATIENCE)
