"""Say in few lines what a scenario came to."""

from benchmarks.arithmetic import most_at_once, percentile
from benchmarks.measuring import Result

NAME_WIDTH = 16
MEBIBYTE = 1024 * 1024
MOST_FAILURES = 5  # different replies that are shown


def lines_of(result: Result) -> list[str]:
    """Return the figures, and below them the CPU by process, the disk, and what went wrong."""
    head = result.scenario.name.ljust(NAME_WIDTH)
    figures = [
        *_rates(result),
        f"reply {_waits(result.log.reply_seconds)}",
        f"delivered {_waits(_delivery_seconds(result))}",
        f"at most {_most_waiting(result):,} waited",
        f"CPU {sum(result.cpu.values()):,.0f} µs/message",
        f"memory {result.peak_memory / MEBIBYTE:,.0f} MiB",
        "NOT RECONCILED" if result.mismatches else "reconciled",
    ]
    notes = [_cpu(result), _disk(result), *_urgent(result), *_failures(result), *result.mismatches]
    return [head + " | ".join(figures), *(" " * NAME_WIDTH + note for note in notes)]


def _rates(result: Result) -> list[str]:
    log = result.log
    settled = [fate.settled_at.timestamp() for fate in result.fates if fate.settled_at]
    delivered_in = max(settled, default=0.0) - log.started_at
    accepted_in = log.ended_at - log.started_at
    return [
        f"{log.submitted:,} messages",
        f"{_rate(log.submitted, delivered_in)} msg/s",
        f"accepted {_rate(len(log.ids), accepted_in)} msg/s",
    ]


def _rate(number: int, seconds: float) -> str:
    return f"{number / seconds:,.0f}" if seconds > 0 else "0"


def _delivery_seconds(result: Result) -> list[float]:
    return [
        (fate.settled_at - fate.accepted_at).total_seconds()
        for fate in result.fates
        if fate.settled_at
    ]


def _most_waiting(result: Result) -> int:
    return most_at_once(
        (fate.accepted_at.timestamp(), fate.settled_at.timestamp())
        for fate in result.fates
        if fate.settled_at
    )


def _waits(seconds: list[float]) -> str:
    return f"p50 {percentile(seconds, 50) * 1e3:,.1f} p99 {percentile(seconds, 99) * 1e3:,.1f} ms"


def _cpu(result: Result) -> str:
    shares = (f"{name} {used:,.0f}" for name, used in result.cpu.items() if used >= 0.5)
    return "CPU µs/message: " + ", ".join(shares)


def _disk(result: Result) -> str:
    shares = (f"{name} {octets:,.0f}" for name, octets in result.disk.items())
    return "disk octets/message: " + ", ".join(shares)


def _urgent(result: Result) -> list[str]:
    beside = result.scenario.beside
    if not beside or not result.urgent_settled:
        return []
    views = {
        "accepted to delivered": result.urgent_settled,
        "250 to arrival": result.urgent_arrived,
    }
    figures = (
        f"{name} {_waits(seconds)} max {max(seconds, default=0) * 1e3:,.1f} ms"
        for name, seconds in views.items()
        if seconds
    )
    whose = " of another account" if result.scenario.is_neighbours else ""
    what = f"{len(result.urgent_settled)} {', '.join(beside.classes)} messages{whose}"
    return [f"{what} meanwhile: {'; '.join(figures)}"]


def _failures(result: Result) -> list[str]:
    common = result.failures.most_common(MOST_FAILURES)
    return [f"{count:,} times answered: {reply}" for reply, count in common]
