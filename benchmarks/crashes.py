"""`python -m benchmarks.crashes`: kill each process of the product under load, and count.

Clients submit by SMTP and REST, and try again what was not answered, while each cycle kills one
process at a random moment. Afterwards every answered message must be in one final state, and have
arrived; every event at the webhook; the ledger must add up. Exits with 1 where one is missing.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from benchmarks import crash_report
from benchmarks.crash_load import Load, Submission
from benchmarks.crash_records import CrashRecords, Stored
from benchmarks.crash_report import Cycle, Figures
from benchmarks.crash_targets import Killer, deck
from benchmarks.product import ROOT, Product, ProductError, started
from benchmarks.webhooks import Application

HOOK = "crashes"
# Seconds before and after each kill in which mail flows: something between these.
BEFORE, AFTER = (0.5, 3.0), (2.0, 5.0)
# Seconds in which what was answered must come to its end, and between looks.
DRAINED_WITHIN, LOOK_EVERY = 300, 0.5
# Seconds to the next attempt, so that the end is not far: a lease lasts 20 in any case.
RETRY_AFTER = "1,2,4"


def main() -> int:
    options = parse(sys.argv[1:])
    # Even then the product must be stopped.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    os.environ["RETRY_AFTER"] = RETRY_AFTER
    print(
        f"{options.cycles} cycles, seed {options.seed}, {options.rate:.0f} messages/s", flush=True
    )
    try:
        with started() as running:
            cycles, figures = run(running, options.cycles, options.seed, options.rate)
            print("\n".join([*crash_report.table(cycles), *crash_report.summary(figures)]))
            if crash_report.faults(figures):
                raise ProductError("Some promise was not kept")
    except (ProductError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes", description=__doc__)
    parser.add_argument("--cycles", type=int, default=20, help="kills; 20")
    parser.add_argument("--seed", type=int, default=1, help="of whom and when; 1")
    parser.add_argument("--rate", type=float, default=30, help="messages a second; 30")
    options = parser.parse_args(arguments)
    if not 1 <= options.cycles <= 1000:
        parser.error("--cycles must lie between 1 and 1000")
    if not 1 <= options.rate <= 1000:
        parser.error("--rate must lie between 1 and 1000")
    return options


def run(product: Product, count: int, seed: int, rate: float) -> tuple[list[Cycle], Figures]:
    """Kill so often under load, wait until all is done, and count. Raises ProductError."""
    chance, records = random.Random(seed), CrashRecords(product)
    Application(product).listen(HOOK)
    killer, targets = Killer(product, chance), deck(chance)
    load, cycles = Load(product.facts, rate), list[Cycle]()
    with load.running():
        for number in range(count):
            load.cycle = number
            time.sleep(chance.uniform(*BEFORE))
            target = next(targets)
            in_flight, away = killer.kill(target, records.in_flight)
            seen = in_flight if target.leaves_attempts else None
            cycles.append(Cycle(str(target), seen, away))
            print(f"{number + 1}/{count} {target}: back after {away:.1f} s", flush=True)
            time.sleep(chance.uniform(*AFTER))
    drain(records)
    for why, times in load.failures.most_common(12):
        print(f"{times} tries came to nothing: {why}")
    return cycles, counted(product, records, load, cycles)


def drain(records: CrashRecords) -> None:
    """Wait until nothing is left to do. What is still open then, the figures will tell."""
    deadline = time.monotonic() + DRAINED_WITHIN
    while time.monotonic() < deadline:
        if not records.open() and records.hook(HOOK).distinct >= records.events():
            return
        time.sleep(LOOK_EVERY)


def counted(
    product: Product, records: CrashRecords, load: Load, cycles: Sequence[Cycle]
) -> Figures:
    """Compare what was answered with what is stored and what arrived; fill in the cycles."""
    messages, received, hook = records.messages(), records.copies(), records.hook(HOOK)
    known = {one.id: one for one in messages}
    answered = [one for one in load.submissions if one.id]
    stored = [known[one.id] for one in answered if one.id in known]
    fill(cycles, load.submissions, messages, received)
    unanswered = set(known) - {one.id for one in answered}
    missing = missing_from(messages, received)
    return Figures(
        submitted=len(load.submissions),
        answered=len(answered),
        ids=len({one.id for one in answered}),
        stored=len(stored),
        final=sum(one.is_final for one in stored),
        delivered=sum(one.state == "delivered" for one in stored) - missing,
        unanswered=len(unanswered),
        unanswered_with_key=sum(known[id].door == "rest" for id in unanswered),
        in_flight=sum(one.in_flight or 0 for one in cycles),
        copies=sum(one.copies for one in cycles),
        events=records.events(),
        posted=hook.distinct,
        posted_again=hook.events - hook.distinct,
        reports=sum(
            len(paths) for address, paths in received.items() if address.startswith("late-bounce+")
        ),
        reports_read=records.reports_read(),
        ledger=ledger(product),
    )


def missing_from(messages: Sequence[Stored], received: dict[str, Counter[str]]) -> int:
    """Return how many delivered messages the world has not received."""
    delivered = Counter(one.recipient for one in messages if one.state == "delivered")
    return sum(
        max(0, count - len(received.get(address, ()))) for address, count in delivered.items()
    )


def fill(
    cycles: Sequence[Cycle],
    submissions: Sequence[Submission],
    messages: Sequence[Stored],
    received: dict[str, Counter[str]],
) -> None:
    """Note in each cycle what became of the messages that were first tried in it."""
    cycle_of = {one.recipient: cycles[one.cycle] for one in submissions}
    answers = defaultdict[int, list[float]](list)
    for one in submissions:
        cycle = cycles[one.cycle]
        cycle.submitted += 1
        cycle.again += one.tries - 1
        answers[one.cycle].append(one.answered_at)
    for number, moments in answers.items():
        ordered = sorted(moments)
        gaps = (later - earlier for earlier, later in zip(ordered, ordered[1:], strict=False))
        cycles[number].silence = max(gaps, default=0.0)
    for message in messages:
        if message.recipient in cycle_of:
            cycle = cycle_of[message.recipient]
            cycle.slowest = max(cycle.slowest, message.seconds)
    for address, paths in received.items():
        if address in cycle_of:
            cycle_of[address].copies += sum(paths.values()) - len(paths)


def ledger(product: Product) -> str:
    """Return what `manage.py ledger` finds wrong; "" where the books add up."""
    done = subprocess.run(
        [sys.executable, "manage.py", "ledger"],
        cwd=ROOT, env=product.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return (done.stdout + done.stderr).strip() if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
