"""The simulated world as a whole: where it listens, and how it ends."""

import os
import signal

import pytest

from cloudmta.simulator.world import Options, PortInUse, World, run, running

FREE = {"dns_port": 0, "smtp_port": 0, "http_port": 0}


class TestWorld:
    @pytest.mark.parametrize("port", ["dns_port", "smtp_port", "http_port"])
    def test_a_port_in_use_is_named(self, port):
        with running(Options(**FREE)) as world:
            taken = getattr(world, port)
            with (
                pytest.raises(PortInUse, match=f"^Port {taken} of 127.0.0.1 is in use"),
                running(Options(**FREE | {port: taken})),
            ):
                pass

    def test_an_address_of_somebody_else_is_named(self):
        with (
            pytest.raises(PortInUse, match="192.0.2.1 cannot be opened"),
            running(Options(host="192.0.2.1")),
        ):
            pass

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it(self, number):
        ready: list[World] = []

        def send_signal(world: World) -> None:
            ready.append(world)
            os.kill(os.getpid(), number)

        run(Options(**FREE), send_signal)

        ready[0].stop()  # it has ended, and that does no harm
