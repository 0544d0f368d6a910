"""`python -m benchmarks.webhooks`: how fast events reach endpoints, and who waits for whom.

`throughput`: events that are there already are replayed to one endpoint that answers. `hanging`:
10 endpoints, of which 3 never answer in time, at a steady rate; told is the wait of the 7 others
from event to post.
Exits with 1 where an event was lost or came twice.
"""

import argparse
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.arithmetic import percentile
from benchmarks.product import ROOT, Product, ProductError, started

PATIENCE = 300.0  # seconds until what has not arrived counts as lost
LOOK_EVERY = 0.1
HANGING_SECONDS = 60
# Until events can be replayed by a filter: no transaction may be open that began before.
SETTLED_AFTER = 5.0


@dataclass(frozen=True)
class Application:
    """A customer's application: its endpoints at the simulator, and the REST API."""

    product: Product

    def listen(self, name: str, **answer: Any) -> tuple[str, str]:
        """Make an endpoint and a webhook that leads to it; return its address and the id."""
        hook = f"{self.product.facts['simulator_url']}/hooks/{name}"
        ask("PUT", hook, answer)
        return hook, self.rest("webhooks", {"url": hook})["id"]

    def rest(self, path: str, body: object) -> Any:
        """Post to the REST API."""
        facts = self.product.facts
        url = f"{facts['api_url']}/{facts['smtp_username']}/{path}"
        return ask("POST", url, body, facts["smtp_password"])

    def write(self, count: int, rate: float) -> "subprocess.Popen[str]":
        """Begin to write events into the ledger."""
        username = self.product.facts["smtp_username"]
        command = ["-m", "benchmarks.webhook_events", username, str(count), str(rate)]
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.product.environment,
            stdout=subprocess.PIPE,
            text=True,
        )


def ask(method: str, url: str, body: object = None, secret: str = "") -> Any:
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if secret:
        request.add_header("Authorization", f"Bearer {secret}")
    with urllib.request.urlopen(request, timeout=30) as response:
        content = response.read()
    return json.loads(content) if content else None


def throughput(application: Application, count: int) -> bool:
    """Replay events to one endpoint; say whether each event came once."""
    application.write(count, 0).communicate(timeout=PATIENCE)
    hook, webhook_id = application.listen("throughput")
    time.sleep(SETTLED_AFTER)
    replayed = application.rest(f"webhooks/{webhook_id}/replay", {"since": "2001-01-01T00:00:00Z"})
    reached = wait_for(hook, replayed["events"])
    moments = [received_at for received_at, _ in posts_of(hook)]
    seconds = (moments[-1] - moments[0]).total_seconds()
    print(f"throughput: {reached['events']} events in {len(moments)} posts within {seconds:.1f} s")
    print(f"  {count / seconds:.0f} events/s")
    return is_exact(reached, count)


def hanging(application: Application, count: int, rate: float) -> bool:
    """Post to ten endpoints of which three hang; say whether each event came once to the others."""
    for number in range(3):
        application.listen(f"hanging{number}", seconds=HANGING_SECONDS)
    hooks = [application.listen(f"healthy{number}")[0] for number in range(7)]
    writer = application.write(count, rate)
    writer.communicate(timeout=PATIENCE)
    results = [wait_for(hook, count) for hook in hooks]
    waits = [
        (received_at - datetime.fromisoformat(event["timestamp"])).total_seconds()
        for hook in hooks
        for received_at, events in posts_of(hook)
        for event in events
    ]
    p50, p95, p99 = (percentile(waits, percent) for percent in (50, 95, 99))
    print(f"hanging: {count} events at {rate:.0f}/s to 7 endpoints, and to 3 that hang")
    print(f"  from event to post: p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s")
    return all(is_exact(result, count) for result in results)


def wait_for(hook: str, count: int) -> dict[str, Any]:
    """Wait until an endpoint has taken so many events, and return its counts."""
    deadline = time.monotonic() + PATIENCE
    while True:
        shown: dict[str, Any] = ask("GET", f"{hook}?posts=0")
        if shown["distinct_events"] >= count or time.monotonic() > deadline:
            return shown
        time.sleep(LOOK_EVERY)


def posts_of(hook: str) -> list[tuple[datetime, list[dict[str, Any]]]]:
    """Return when each post came in, and its events; of the newest thousand."""
    return [
        (datetime.fromisoformat(post["received_at"]), json.loads(post["body"])["events"])
        for post in ask("GET", hook)["posts"]
    ]


def is_exact(shown: dict[str, Any], count: int) -> bool:
    exact: bool = shown["events"] == shown["distinct_events"] == count
    if not exact:
        print(f"  NOT RECONCILED: {count} written, {shown}", file=sys.stderr)
    return exact


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000, help="of throughput; 50000")
    parser.add_argument("--rate", type=float, default=200, help="events a second of hanging; 200")
    options = parser.parse_args()
    scenarios: list[Callable[[Application], bool]] = [
        lambda application: throughput(application, options.events),
        lambda application: hanging(application, int(30 * options.rate), options.rate),
    ]
    try:
        for scenario in scenarios:
            with started() as running:
                if not scenario(Application(running)):
                    return 1
    except ProductError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
