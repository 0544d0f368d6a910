"""`python -m benchmarks.pages`: how fast pages come when there is much mail.

Starts the product, fills the demo account with a month of `--messages` messages, and asks for each
page so many times, one request after another, as a browser that is logged in does. Told is the time
until the whole page is there. Exits with 1 where a page does not come, or its p95 is over 200 ms.
"""

import argparse
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from benchmarks.arithmetic import percentile
from benchmarks.product import ROOT, Product, ProductError, attached, started

MESSAGES, REQUESTS = 1_000_000, 40
LIMIT = 0.2  # seconds, at p95
WEEKS_AGO = 21  # days, for which a search has to reach back
# The worst that can be asked for is among them: words that nobody wrote, so that a search reads all
# that it may; and the longest periods.
PAGES = {
    "Overview": "/",
    "Overview, 30 days": "/?period=30d",
    "Overview, a tag": "/?period=30d&tag=order",
    "Messages": "/messages/",
    "Messages, bounced": "/messages/?state=bounced",
    "Messages, a tag and a class": "/messages/?tag=sign-in&class=priority",
    "Messages, a domain": "/messages/?domain=news.demo.cloudmta.test",
    "Messages, complaints": "/messages/?event=complaint",
    "Messages, nothing found": "/messages/?tag=nothing&state=blocked",
    "Search, a recipient of weeks ago": "/messages/?query={address}",
    "Search, a Message-ID of weeks ago": "/messages/?query=%3C{message_id}%40demo.cloudmta.test%3E",
    "Search, a recipient whom nobody knows": "/messages/?query=nobody%40webmail.example",
    "Search, a destination": "/messages/?query=%40webmail.example",
    "Search, a subject": "/messages/?query=order+confirmed",
    "Search, words that nobody wrote": "/messages/?query=zzz+yyy",
    "Analytics, 7 days by the hour": "/analytics/?period=7d&interval=hour",
    "Analytics, by tag": "/analytics/",
    "Analytics, by class": "/analytics/?by=class",
    "Analytics, by sending domain": "/analytics/?by=domain",
    "Analytics, by destination": "/analytics/?by=destination",
    "Analytics, a tag": "/analytics/?tag=order",
    "Analytics, a destination": "/analytics/?destination=webmail.example",
    "Analytics, 90 days": "/analytics/?period=90d",
    "Suppressions": "/suppressions/",
    "Volume": "/volume/",
}


class Browser:
    """One connection to the dashboard, and the cookies of a log-in."""

    def __init__(self, product: Product) -> None:
        self._connection = http.client.HTTPConnection(
            urlsplit(product.facts["dashboard_url"]).netloc, timeout=60
        )
        self._cookies: dict[str, str] = {}
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get("/log-in/"))
        assert found
        form = {
            "login": product.facts["login_email"],
            "password": product.facts["login_password"],
            "csrfmiddlewaretoken": found[1],
        }
        self._ask("POST", "/log-in/", urlencode(form))
        if "sessionid" not in self._cookies:
            raise ProductError("The demo's user could not log in")

    def get(self, path: str) -> str:
        """Return a page. Raises ProductError where it does not come."""
        status, text = self._ask("GET", path)
        if status != http.client.OK:
            raise ProductError(f"{path} answered {status}")
        return text

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        for line in response.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return response.status, response.read().decode()


def somebody(browser: Browser) -> dict[str, str]:
    """Return who got a message some weeks ago, and its id; of the month that `fill` makes."""
    day = datetime.now(UTC).date() - timedelta(days=WEEKS_AGO)
    page = browser.get(f"/messages/?tag=order&until={day}")
    address = re.search(r'class="address"><bdi>([^<]+)', page)
    message = re.search(r"/messages/([0-9a-f-]{36})/", page)
    if not address or not message:
        raise ProductError(f"There is no message of {day}")
    return {"address": quote(address[1]), "message_id": message[1]}


def measured(product: Product, requests: int) -> Iterator[tuple[str, list[float]]]:
    """Yield the seconds that each page took, each time."""
    browser = Browser(product)
    known = somebody(browser)
    for name, template in PAGES.items():
        path = template.format(**known)
        browser.get(path)  # once for the caches of PostgreSQL and of templates
        times = []
        for _ in range(requests):
            began = time.perf_counter()
            browser.get(path)
            times.append(time.perf_counter() - began)
        yield name, times


def fill(product: Product, messages: int) -> None:
    """Give the demo account its month."""
    command = ["manage.py", "demo", "--history", "30d", "--messages", str(messages)]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=product.environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    print(f"{messages:,} messages written in {time.perf_counter() - began:.0f} s", flush=True)


def run(product: Product, messages: int, requests: int) -> bool:
    """Fill and measure; say whether each page is fast enough."""
    if messages:
        fill(product, messages)
    slow = []
    print(f"{'page':<40} {'p50':>8} {'p95':>8} {'most':>8}  ms")
    for name, times in measured(product, requests):
        middle, most = percentile(times, 50), percentile(times, 95)
        print(
            f"{name:<40} {1000 * middle:8.1f} {1000 * most:8.1f} {1000 * max(times):8.1f}",
            flush=True,
        )
        if most > LIMIT:
            slow.append(name)
    if slow:
        print(f"Over {1000 * LIMIT:.0f} ms at p95: {', '.join(slow)}", file=sys.stderr)
    return not slow


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each page")
    parser.add_argument(
        "--attach", action="store_true", help="measure what runs in this checkout, as it is"
    )
    options = parser.parse_args()
    try:
        with attached(ROOT / "var") if options.attach else started() as product:
            messages = 0 if options.attach else options.messages
            return 0 if run(product, messages, options.requests) else 1
    except ProductError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
