"""What tests in a browser share: log in, watch the console, and look for what shuts people out."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

# Debian's Chromium asks hosts of its maker for this and that at each start; nobody is there.
QUIET = [
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic", "--no-first-run",
]  # fmt: skip
SERIOUS = ("serious", "critical")


@contextmanager
def watched(browser: Browser, **context) -> Iterator[Page]:
    """A browser of its own; a page that complains in the console fails the test."""
    window = browser.new_context(**context)
    page = window.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    window.close()
    assert not complaints, "\n".join(complaints)


def log_in(page: Page, web: str, email: str, password: str) -> None:
    page.goto(f"{web.rstrip('/')}/log-in/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def check_access(page: Page) -> None:
    """Hold the page that is shown against WCAG 2.2 AA, in light and in dark, and on a phone."""
    page.wait_for_load_state()
    size = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        # Preloading would put style sheets that others import into the page: the policy forbids it.
        found = Axe().run(page, options={"preload": False}).response["violations"]
        faults = [
            f"{page.url} ({scheme}): {one['id']} at {node['html'][:200]}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]
        assert not faults, "\n".join(faults)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.set_viewport_size(size)
