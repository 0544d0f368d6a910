"""`python -m benchmarks [scenario …]`: run scenarios in their order; exit 1 if mail was lost."""

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace

from benchmarks import product, report, yardstick
from benchmarks.measuring import measure
from benchmarks.product import ROOT, Product, ProductError
from benchmarks.records import Records
from benchmarks.scenarios import BY_NAME, DEFAULT, MAX_CONNECTIONS, MAX_SECONDS, Load, Scenario

# Each worker makes its connections and reads its keys before anything is measured.
WARM_UP = Scenario("warm-up", Load(messages=300, classes=("priority", "standard", "digest")))


class Unreconciled(Exception):
    """The counts of a scenario do not agree."""


def main() -> int:
    options = parse(sys.argv[1:])
    # Even then the product must be stopped.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        with chosen(options.attach) as running:
            run(running, [adjusted(BY_NAME[name], options) for name in options.scenarios])
    except (ProductError, Unreconciled) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", metavar="scenario", help=f"{', '.join(BY_NAME)}; or all"
    )
    parser.add_argument("--seconds", type=float, help="of the scenarios that are timed")
    parser.add_argument("--connections", type=int, help="of the load; 20 by default")
    parser.add_argument(
        "--attach", action="store_true", help="measure the product that runs in this checkout"
    )
    options = parser.parse_args(arguments)
    if options.scenarios == ["all"]:
        options.scenarios = list(BY_NAME)
    options.scenarios = options.scenarios or list(DEFAULT)
    for name in options.scenarios:
        if name not in BY_NAME:
            parser.error(f"there is no scenario {name}: {', '.join(BY_NAME)}")
    if options.seconds is not None and not 0 < options.seconds <= MAX_SECONDS:
        parser.error(f"--seconds must lie between 0 and {MAX_SECONDS:.0f}")
    if options.connections is not None and not 0 < options.connections <= MAX_CONNECTIONS:
        parser.error(f"--connections must lie between 1 and {MAX_CONNECTIONS}")
    return options


def chosen(attach: bool) -> AbstractContextManager[Product]:
    return product.attached(ROOT / "var") if attach else product.started()


def adjusted(scenario: Scenario, options: argparse.Namespace) -> Scenario:
    """Return a scenario as the options want it."""
    load = scenario.load
    if options.seconds is not None and scenario.is_timed:
        load = replace(load, seconds=options.seconds)
    if options.connections is not None:
        load = replace(load, connections=options.connections)
    return replace(scenario, load=load)


def run(running: Product, scenarios: Sequence[Scenario]) -> None:
    """Measure scenarios and say at once what each came to. Raises Unreconciled."""
    failed = []
    with closing(Records(running.var_dir, running.facts["simulator_url"])) as records:
        try:
            measure(running, records, WARM_UP)
            # Machines are slower at times, above all those that are shared.
            signature = yardstick.signature_microseconds()
            print(f"This machine now: {signature:,.0f} µs of CPU for one RSA-2048 signature")
            for scenario in scenarios:
                result = measure(running, records, scenario)
                print("\n".join(report.lines_of(result)), flush=True)
                if result.mismatches:
                    failed.append(scenario.name)
                if running.log:
                    records.forget()  # all there is in a product of our own
        finally:
            # One that was attached goes on as it is by default.
            records.keep_contents(True)
    if troubles := running.troubles():
        print(f"{troubles} lines of {running.log} tell of trouble", file=sys.stderr)
    if failed:
        raise Unreconciled(f"Not reconciled: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(main())
