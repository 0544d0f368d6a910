"""`python -m benchmarks.screenshots`: a picture of every page, light and dark, in docs/screenshots.

Starts the product, fills the demo account with a month, and goes through SHOTS in Chromium. A new
page joins by one line there.
"""

import base64
import http.client
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import django
from playwright.sync_api import Page, sync_playwright

from benchmarks.product import ROOT, Product, ProductError, started

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudmta.settings")
os.environ.setdefault("DEVELOPMENT", "true")
django.setup()

from django.urls import reverse  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
DESK, PHONE = (1280, 800), (390, 844)
QUALITY = 75  # of WebP, out of 100: text stays sharp, and a picture has 20 to 60 KB
# Debian's Chromium asks hosts of its maker for this and that at each start.
ARGUMENTS = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@dataclass(frozen=True)
class Shot:
    """One page by the name of its URL."""

    name: str
    sample: str = ""  # which of SAMPLES the page is of
    query: str = ""
    file: str = ""  # what the picture is called, if not like the URL
    is_outside: bool = False  # for who is not logged in
    on_phone: bool = False  # taken on a phone as well

    @property
    def title(self) -> str:
        return self.file or self.name


# Things that have pages of their own: the list that leads to one, and where its id stands there.
SAMPLES = {
    "message": ("message-list", "?state=delivered", r"/messages/([0-9a-f-]{36})/"),
    "bounced": ("message-list", "?state=bounced", r"/messages/([0-9a-f-]{36})/"),
    "domain": ("domain-list", "", r"/domains/(?!new/)([\w-]+)/"),
    "webhook": ("webhook-list", "", r"/webhooks/([0-9a-f-]{36})/"),
}
SHOTS = (
    Shot("log-in", is_outside=True),
    Shot("account_signup", file="sign-up", is_outside=True),
    Shot("overview", on_phone=True),
    Shot("message-list", on_phone=True),
    Shot("message-list", query="?tag=order&state=bounced", file="message-list-filtered"),
    Shot("message-detail", "message", on_phone=True),
    Shot("message-detail", "bounced", file="message-detail-bounced"),
    Shot("message-preview", "message"),
    Shot("message-headers", "message"),
    Shot("message-checks", "message"),
    Shot("message-refusals"),
    Shot("domain-list"),
    Shot("domain-detail", "domain"),
    Shot("domain-new"),
    Shot("analytics", on_phone=True),
    Shot("analytics", query="?period=7d&interval=hour&by=destination", file="analytics-by-hour"),
    Shot("suppression-list"),
    Shot("webhook-list"),
    Shot("webhook-detail", "webhook"),
    Shot("credential-list"),
    Shot("volume"),
    Shot("team"),
    Shot("settings"),
    Shot("contact"),
    Shot("docs"),
    Shot("api-docs"),
)


def main() -> int:
    try:
        with started() as product:
            command = [sys.executable, "manage.py", "demo", "--history", "30d"]
            subprocess.run(
                command, cwd=ROOT, env=product.environment, check=True, stdout=subprocess.DEVNULL
            )
            take_all(product)
    except ProductError as error:
        print(error, file=sys.stderr)
        return 1
    total = sum(file.stat().st_size for file in FOLDER.glob("*.webp"))
    print(f"{len(list(FOLDER.glob('*.webp')))} pictures, {total / 1e6:.1f} MB, in {FOLDER}")
    return 0


def take_all(product: Product) -> None:
    """Take every picture anew; those of pages that are no more are gone."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS, chromium_sandbox=False
        )
        for is_outside in (True, False):
            window = browser.new_context(base_url=product.facts["dashboard_url"])
            page = window.new_page()
            if not is_outside:
                log_in(page, product)
            for shot in SHOTS:
                if shot.is_outside == is_outside:
                    take(page, shot)
            window.close()
        browser.close()


def log_in(page: Page, product: Product) -> None:
    page.goto(reverse("log-in"))
    page.get_by_label("E-mail").fill(product.facts["login_email"])
    page.get_by_label("Password").fill(product.facts["login_password"])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(reverse("overview"))


def take(page: Page, shot: Shot) -> None:
    """Take one page in light and dark, and on a phone if that is wanted."""
    url = reverse(shot.name, args=sample_id(page, shot.sample)) + shot.query
    sizes = {"": DESK} | ({"-phone": PHONE} if shot.on_phone else {})
    for suffix, (width, height) in sizes.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            answer = page.goto(url)
            if not answer or answer.status != http.client.OK:
                raise ProductError(f"{url} answered {answer and answer.status}")
            page.wait_for_load_state("networkidle")
            (FOLDER / f"{shot.title}{suffix}-{scheme}.webp").write_bytes(picture(page))


def sample_id(page: Page, sample: str) -> list[str]:
    """Return the id of the first thing on a list, as the argument of its URL; none of no sample."""
    if not sample:
        return []
    name, query, pattern = SAMPLES[sample]
    page.goto(reverse(name) + query)
    found = re.search(pattern, page.content())
    if not found:
        raise ProductError(f"There is no {sample} on {page.url}")
    return [found[1]]


def picture(page: Page) -> bytes:
    """Return what the window shows as WebP, which Playwright itself does not write."""
    session = page.context.new_cdp_session(page)
    options = {"format": "webp", "quality": QUALITY}
    taken = session.send("Page.captureScreenshot", options)
    session.detach()
    return base64.b64decode(taken["data"])


if __name__ == "__main__":
    sys.exit(main())
