"""What the processes of the product use: CPU time by name, and memory in all."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence

import psutil

SAMPLE_EVERY = 1.0  # seconds


class Meter:
    """Reads the meters of a family of processes; the supervisor is its head."""

    def __init__(self, pid: int) -> None:
        self._supervisor = psutil.Process(pid)
        self.peak = 0  # octets

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time of each member so far, that of its descendants included."""
        used = defaultdict(float, supervisor=_own(self._supervisor))
        for child in self._supervisor.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                family = [child, *child.children(recursive=True)]
                # Who has ended left its time with its parent: PostgreSQL's backends do.
                used[name_of(child.cmdline())] += sum(_own(one) + _reaped(one) for one in family)
        return dict(used)

    @contextlib.contextmanager
    def pausing(self, *names: str) -> Iterator[None]:
        """Stop some members meanwhile where they stand, as if they were busy elsewhere."""
        stopped = [one for one in self._supervisor.children() if name_of(one.cmdline()) in names]
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                process.resume()

    @contextlib.contextmanager
    def watching_memory(self) -> Iterator[None]:
        """Note the peak of the memory meanwhile."""
        stopped = threading.Event()
        self.peak = self._memory()
        thread = threading.Thread(target=self._watch, args=(stopped,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _watch(self, stopped: threading.Event) -> None:
        while not stopped.wait(SAMPLE_EVERY):
            self.peak = max(self.peak, self._memory())

    def _memory(self) -> int:
        return sum(map(_octets, [self._supervisor, *self._supervisor.children(recursive=True)]))


def name_of(arguments: Sequence[str]) -> str:
    """Return the name of a process in the Procfile, by its command line."""
    program = arguments[0].rpartition("/")[2] if arguments else ""
    if "manage.py" in arguments:
        command = list(arguments[arguments.index("manage.py") + 1 :])
        return "-".join(command[1:] if command[:1] == ["worker"] else command[:1])
    if any(argument.endswith("gunicorn") for argument in arguments[:2]):
        return "web"
    return "redis" if program.startswith("redis") else program


def _own(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _reaped(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.children_user + times.children_system)
    return 0.0


def _octets(process: psutil.Process) -> int:
    """Return the memory of a process; what it shares counts in part, where the system can tell."""
    with contextlib.suppress(psutil.Error):
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    return 0
