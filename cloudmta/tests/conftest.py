"""Clients written for Node.js, out of npm's registry; and a browser."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cloudmta.testing import PATIENCE, ROOT, House
from cloudmta.tests.browsing import QUIET, log_in, watched
from cloudmta.tests.programs import program

CLIENTS = Path(__file__).parent / "clients"
NODE_MODULES = ROOT / "var" / "clients"
PACKAGES = ("nodemailer@7", "mailauth@4", "cloudmailin@0.1.0", "standardwebhooks@1.1.1")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder with all packages that clients for Node.js need; they are installed once."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    NODE_MODULES.mkdir(parents=True, exist_ok=True)
    if not (NODE_MODULES / "node_modules" / "standardwebhooks").exists():
        install = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--fetch-retries=0"]
        done = subprocess.run(
            [*install, *PACKAGES], cwd=NODE_MODULES, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"npm could not install {PACKAGES}: {done.stderr[-200:]}")
    return NODE_MODULES / "node_modules"


@pytest.fixture(scope="session")
def node(node_modules: Path) -> Callable[..., str]:
    """Run one of our scripts with the packages it needs."""
    environment = os.environ | {"NODE_PATH": str(node_modules)}

    def run(script: str, argument: str, stdin: bytes = b"") -> str:
        return program(
            "node", str(CLIENTS / script), argument, stdin=stdin, environment=environment
        )

    return run


@pytest.fixture(scope="session")
def web(house: House) -> str:
    house.open_web()
    return str(house.demo["dashboard_url"])


@pytest.fixture(scope="session")
def crash_house() -> Iterator[House]:
    """One that is not only used but broken. Whoever breaks it mends it; retries come soon."""
    house = House(RETRY_AFTER="1,2,4", DATABASE_TIMEOUT="3")
    try:
        house.open()
        yield house
    finally:
        house.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET, chromium_sandbox=False
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, web: str, house: House) -> Iterator[Page]:
    """Logged in as the demo's user, and watched."""
    with watched(browser) as page:
        log_in(page, web, house.demo["login_email"], house.demo["login_password"])
        yield page
