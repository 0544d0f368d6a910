"""Measure one scenario: submit, wait until all of it has arrived, count."""

import contextlib
import json
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import urlsplit

from benchmarks.arithmetic import Counts, mismatches, per_message
from benchmarks.generator import FAREWELL, Log, Order
from benchmarks.meter import Meter
from benchmarks.product import ROOT, Product
from benchmarks.records import Fate, Records, Snapshot
from benchmarks.scenarios import Load, Scenario
from cloudmta.simulator.store import MOST_MESSAGES

# Seconds between looks, without any progress until we give up, and to reconcile in all.
LOOK_EVERY, PATIENCE, MOST = 0.2, 60.0, 900.0


@dataclass(frozen=True)
class Result:
    """What a scenario came to. Waits are in seconds."""

    scenario: Scenario
    log: Log
    fates: list[Fate]
    mismatches: list[str]
    failures: Counter[str]
    cpu: dict[str, float]  # µs a message, by process
    disk: dict[str, float]  # octets a message, by what they are
    peak_memory: int  # octets
    urgent_settled: list[float]  # from acceptance to delivery, of what was sent beside the load
    urgent_arrived: list[float]  # from the 250 to the arrival at the simulator, of the same


def measure(product: Product, records: Records, scenario: Scenario) -> Result:
    """Run a scenario against a product that has nothing else to do."""
    # To know when a message arrived, the simulator must keep it; to count is cheaper.
    keeps = scenario.beside is not None and scenario.load.messages <= MOST_MESSAGES
    records.keep_contents(keeps)
    await_quiet(records)
    before, octets = records.snapshot(), records.octets()
    meter = Meter(product.pid)
    with meter.watching_memory():
        cpu = meter.cpu_seconds()
        log, urgent = submit(product, records, scenario, meter)
        await_quiet(records)
        cpu_after = meter.cpu_seconds()
    after = records.snapshot()

    logs = [log, urgent]
    messages = log.submitted + urgent.submitted
    cpu_after["generator"] = sum(one.cpu_seconds for one in logs)
    fates = records.fates(before.last_recipient)
    settled, arrived = urgent_waits(records, scenario, urgent, fates)
    urgent_ids = set(urgent.ids)
    return Result(
        scenario=scenario,
        log=log,
        fates=[fate for fate in fates if fate.message_id not in urgent_ids],
        mismatches=mismatches(counted(before, after, logs, records), scenario.load.recipients),
        failures=log.failures + urgent.failures,
        cpu=per_message(cpu, cpu_after, messages),
        disk=per_message(octets, records.octets(), messages, scale=1),
        peak_memory=meter.peak,
        urgent_settled=settled,
        urgent_arrived=arrived,
    )


def submit(product: Product, records: Records, scenario: Scenario, meter: Meter) -> tuple[Log, Log]:
    """Submit the load; where something is sent beside it, let all of the load wait before that."""
    if scenario.beside is None:
        with submitting(product.facts, scenario.load) as load:
            return load.log(), Log()
    sender = neighbour(product) if scenario.is_neighbours else {}
    with (
        meter.pausing(*scenario.paused),
        submitting(product.facts, scenario.load) as load,
    ):
        log = load.log()
    with submitting(product.facts | sender, scenario.beside) as beside:
        # What is sent beside keeps coming, so that the queue is never quite empty.
        await_quiet(records, at_most=scenario.beside.connections)
        beside.finish()
        return log, beside.log()


class Submitting:
    """A generator that runs."""

    def __init__(self, load: Load, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self._load = load
        self._process = process
        self._output = output

    def log(self) -> Log:
        """Wait for its end and return what happened."""
        self._process.wait(self._load.seconds + 2 * FAREWELL)
        self._output.seek(0)
        fields = json.load(self._output)
        return Log(**fields | {"failures": Counter(fields["failures"])})

    def finish(self) -> None:
        """Let it begin no further message."""
        self._process.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def submitting(facts: Mapping[str, Any], load: Load) -> Iterator[Submitting]:
    """Run a generator; it does not outlive the block."""
    with (
        TemporaryFile() as output,
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.generator"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=output, start_new_session=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdin
        try:
            process.stdin.write(json.dumps(asdict(order_of(facts, load))).encode())
            process.stdin.close()
            yield Submitting(load, process, output)
        finally:
            process.kill()  # of one that has ended, nothing


def neighbour(product: Product) -> dict[str, Any]:
    """Make another account, and return how to send as it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.neighbour"],
        cwd=ROOT, env=product.environment, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def order_of(facts: Mapping[str, Any], load: Load) -> Order:
    return Order(
        load=load,
        host=facts["smtp_host"],
        port=facts["smtp_port"],
        username=facts["smtp_username"],
        password=facts["smtp_password"],
        ca_file=facts["ca_file"],
        sender=f"hello@{facts['sending_domain']}",
        api_port=urlsplit(facts["api_url"]).port or 80,
        run=secrets.token_hex(4),
    )


def await_quiet(records: Records, at_most: int = 0) -> None:
    """Wait until hardly anybody waits for delivery, or nothing moves any more."""
    deadline = time.monotonic() + MOST
    fewest, progress_at = sys.maxsize, time.monotonic()
    while (waiting := records.open_count()) > at_most and time.monotonic() < deadline:
        if waiting < fewest:
            fewest, progress_at = waiting, time.monotonic()
        if time.monotonic() - progress_at > PATIENCE:
            return  # the counts will say what is missing
        time.sleep(LOOK_EVERY)


def counted(before: Snapshot, after: Snapshot, logs: list[Log], records: Records) -> Counts:
    """Return what came in between."""
    ids = [id for log in logs for id in log.ids]
    return Counts(
        submitted=sum(log.submitted for log in logs),
        answered=len(ids),
        ids=len(set(ids)),
        stored=after.stored - before.stored,
        promised=records.stored_count(ids),
        recipients=after.recipients - before.recipients,
        delivered=after.delivered - before.delivered,
        received=after.received - before.received,
        duplicates=after.duplicates - before.duplicates,
        delivery_events=after.delivery_events - before.delivery_events,
        accepted_tally=after.accepted_tally - before.accepted_tally,
        delivery_tally=after.delivery_tally - before.delivery_tally,
    )


def urgent_waits(
    records: Records, scenario: Scenario, urgent: Log, fates: list[Fate]
) -> tuple[list[float], list[float]]:
    """Return how long what was sent beside the load took: as we settled it, as it arrived."""
    if scenario.beside is None:
        return [], []
    replied_at = dict(zip(urgent.ids, urgent.replied_at, strict=True))
    arrivals = records.arrivals(scenario.beside.local_part)
    ours = [fate for fate in fates if fate.message_id in replied_at]
    settled = [
        (fate.settled_at - fate.accepted_at).total_seconds() for fate in ours if fate.settled_at
    ]
    arrived = [
        arrivals[fate.address].timestamp() - replied_at[fate.message_id]
        for fate in ours
        if fate.address in arrivals
    ]
    return settled, arrived
