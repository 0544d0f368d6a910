"""`python -m benchmarks.tracking`: how fast HTML is rewritten, and the pixel's door answers.

`rewriting`: a page of 100 KB with 200 links, quoted-printable, from the stored message to the copy.
`pixel`: opens of many recipients against one process of the web server, each by a connection of its
own, until all are events. Exits with 1 where one is missing.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil

from benchmarks.arithmetic import percentile
from benchmarks.product import ROOT, Product, ProductError, started

PATIENCE = 120.0  # seconds until an open that is no event counts as lost
CLIENTS = 8
RECIPIENTS = 1000


def inside(product: Product, *arguments: str) -> str:
    """Run what needs the product's own code, with its settings, and return what it prints."""
    command = [sys.executable, "-m", "benchmarks.tracked_mail", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=product.environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def rewriting(product: Product) -> None:
    facts = json.loads(inside(product, "rewriting"))
    print("rewriting: {octets:,} octets of HTML, {links} links and a pixel".format(**facts))
    print("  {best:.1f} ms of CPU at best, {median:.1f} ms in the middle".format(**facts))


def pixel(product: Product, count: int) -> bool:
    """Fetch pixels, and say whether each fetch became an event."""
    username = product.facts["smtp_username"]
    urls = json.loads(inside(product, "recipients", username, str(RECIPIENTS)))
    worker = web_worker(product)
    before = cpu(worker)
    begun = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        shares = [(urls, number, count) for number in range(CLIENTS)]
        times = [one for share in clients.map(fetch_share, shares) for one in share]
    seconds, used = time.monotonic() - begun, cpu(worker) - before
    print(f"pixel: {count} requests, {CLIENTS} clients, one web process")
    print(f"  {count / seconds:,.0f} requests/s, beside all else that this machine does")
    print(
        f"  {used / count * 1e6:.0f} µs of the process's CPU a request, events included:"
        f" {count / used:,.0f}/s with a core of its own"
    )
    p50, p99 = (percentile(times, percent) * 1000 for percent in (50, 99))
    print(f"  answered in p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return all_are_events(product, count)


def web_worker(product: Product) -> psutil.Process:
    """Return the one process that answers; its parent only watches it."""
    processes = psutil.Process(product.pid).children(recursive=True)
    gunicorns = [one for one in processes if "cloudmta.wsgi" in one.cmdline()]
    (worker,) = [one for one in gunicorns if one.parent() in gunicorns]
    return worker


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def fetch_share(share: tuple[Sequence[str], int, int]) -> list[float]:
    """Fetch every CLIENTS-th of so many pixels; return how long each took."""
    urls, first, count = share
    return [
        fetch(urls[number % len(urls)], f"Program {number // len(urls)}")
        for number in range(first, count, CLIENTS)
    ]


def fetch(url: str, user_agent: str) -> float:
    begun = time.monotonic()
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: x\r\nUser-Agent: {user_agent}\r\n"
    with socket.create_connection((parts.hostname, parts.port or 80)) as connection:
        connection.sendall(f"{request}Connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ProductError(f"A pixel was answered with {answer[:60]!r}")
    return time.monotonic() - begun


def all_are_events(product: Product, count: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while (written := int(inside(product, "opens"))) < count and time.monotonic() < deadline:
        time.sleep(1)
    if written != count:
        print(f"  NOT RECONCILED: {count} fetched, {written} events", file=sys.stderr)
    return written == count


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracking", description=__doc__)
    parser.add_argument("--requests", type=int, default=30_000, help="of pixel; 30000")
    options = parser.parse_args()
    os.environ["WEB_WORKERS"] = "1"
    try:
        with started() as running:
            rewriting(running)
            return 0 if pixel(running, options.requests) else 1
    except ProductError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
