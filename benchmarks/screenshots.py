"""`python -m benchmarks.screenshots`: a picture of every page, light and dark, in docs/screenshots.

Starts the product, fills the demo account with a month, and goes through `shots.py` in Chromium.
`README.md` in that folder shows them all.
"""

import argparse
import base64
import http.client
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Literal

import django
from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.product import ROOT, Product, ProductError, started
from benchmarks.shots import INSIDE, OUTSIDE, SAMPLES, SURE, Shot

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudmta.settings")
os.environ.setdefault("DEVELOPMENT", "true")
django.setup()

from django.urls import reverse  # noqa: E402
from django.utils.text import slugify  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
# Width and height of a window; a page that is longer is taken down to LONGEST.
DESK, PHONE, LONGEST = (1280, 800), (390, 844), 1600
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUALITY = 50  # of WebP, out of 100: text stays sharp, and a picture has 20 to 60 KB
# Debian's Chromium asks hosts of its maker for this and that at each start.
ARGUMENTS = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
INDEX = """\
# Screenshots

Every page, light and dark, with a made-up month of a shop. Made by `make screenshots`.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screenshots", description=__doc__)
    parser.add_argument("only", nargs="*", help="words of the pages to take anew; all by default")
    only = parser.parse_args().only
    try:
        with started() as product:
            command = [sys.executable, "manage.py", "demo", "--history", "30d"]
            subprocess.run(
                command, cwd=ROOT, env=product.environment, check=True, stdout=subprocess.DEVNULL
            )
            missing = take_all(product, only)
    except ProductError as error:
        print(error, file=sys.stderr)
        return 1
    write_index()
    total = sum(file.stat().st_size for file in FOLDER.glob("*.webp"))
    print(f"{len(list(FOLDER.glob('*.webp')))} pictures, {total / 1e6:.1f} MB, in {FOLDER}")
    return 1 if missing else 0


def take_all(product: Product, only: Sequence[str]) -> list[str]:
    """Take every picture anew, and return which could not be; those of pages no more are gone."""
    if not only:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS, chromium_sandbox=False
        )
        missing = [
            words
            for shots, is_outside in ((OUTSIDE, True), (INSIDE, False))
            for words in take_some(
                browser,
                product,
                [shot for shot in shots if not only or shot.words in only],
                is_outside,
            )
        ]
        browser.close()
    return missing


def take_some(
    browser: Browser, product: Product, shots: Sequence[Shot], is_outside: bool
) -> Iterator[str]:
    """Take these, and yield the words of those that could not be."""
    window = browser.new_context(base_url=product.facts["dashboard_url"])
    page = window.new_page()
    if not is_outside:
        log_in(page, product)
        check_domains(page)
    for shot in shots:
        try:
            take(page, product, shot)
        except (Error, AssertionError, ProductError) as error:
            print(f"{shot.words}: {error}", file=sys.stderr)
            yield shot.words
    window.close()


def log_in(page: Page, product: Product) -> None:
    page.goto(reverse("log-in"))
    page.get_by_label("E-mail").fill(product.facts["login_email"])
    page.get_by_label("Password").fill(product.facts["login_password"])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(reverse("overview"))


def check_domains(page: Page) -> None:
    """Have DNS asked for each domain, so that no page says that it has not been asked yet."""
    page.goto(reverse("domain-list"))
    for address in page.locator("main .list a").evaluate_all("all => all.map(one => one.href)"):
        page.goto(address)
        page.get_by_role("button", name="Check now").click()
        page.get_by_role("button", name="Checked").wait_for()


def take(page: Page, product: Product, shot: Shot) -> None:
    """Take one page in light and dark, and on a phone if that is wanted."""
    arguments = [shot.argument] if shot.argument else sample_arguments(page, shot.sample)
    url = reverse(shot.name, args=arguments) + shot.query
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    if shot.act:
        open_page(page, url, product)
        shot.act(page, product)
    sizes = {"": DESK} | ({"-phone": PHONE} if shot.on_phone else {})
    for suffix, size in sizes.items():
        for scheme in SCHEMES:
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if not shot.act:
                open_page(page, url, product)
            show_all(page, size)
            (FOLDER / f"{slugify(shot.words)}{suffix}-{scheme}.webp").write_bytes(picture(page))


def open_page(page: Page, url: str, product: Product) -> None:
    """Open a page; where it asks for the password once more, give it."""
    answer = page.goto(url)
    if not answer or answer.status != http.client.OK:
        raise ProductError(f"{url} answered {answer and answer.status}")
    sure = reverse(SURE)
    if sure in page.url and not url.startswith(sure):
        page.get_by_label("Password").fill(product.facts["login_password"])
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url(f"**{url}")
    page.wait_for_load_state("networkidle")


def show_all(page: Page, size: tuple[int, int]) -> None:
    """Make the window as high as the page is, up to LONGEST."""
    page.evaluate("scrollTo(0, 0)")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size[0], "height": min(max(height, size[1]), LONGEST)})


def sample_arguments(page: Page, sample: str) -> list[str]:
    """Return what the URL of the first thing on a list says of it; none of no sample."""
    if not sample:
        return []
    name, of, query, pattern = SAMPLES[sample]
    page.goto(reverse(name, args=sample_arguments(page, of)) + query)
    found = re.search(pattern, page.content())
    if not found:
        raise ProductError(f"There is no {sample} on {page.url}")
    return list(found.groups())


def picture(page: Page) -> bytes:
    """Return what the window shows as WebP, which Playwright itself does not write."""
    session = page.context.new_cdp_session(page)
    options = {"format": "webp", "quality": QUALITY}
    taken = session.send("Page.captureScreenshot", options)
    session.detach()
    return base64.b64decode(taken["data"])


def write_index() -> None:
    """List all pictures, each page under its name."""
    parts = [INDEX]
    for shot in (*OUTSIDE, *INSIDE):
        for suffix, where in (("", ""), ("-phone", ", on a phone")):
            name = f"{slugify(shot.words)}{suffix}"
            if (FOLDER / f"{name}-light.webp").exists():
                row = " | ".join(f"![{scheme}]({name}-{scheme}.webp)" for scheme in SCHEMES)
                parts.append(f"## {shot.words}{where}\n\n| light | dark |\n|---|---|\n| {row} |\n")
    (FOLDER / "README.md").write_text("\n".join(parts))


if __name__ == "__main__":
    sys.exit(main())
