"""The dashboard in a real browser: what a customer clicks, and what it must never do."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cloudmta.testing import House, eventually

pytestmark = pytest.mark.browser

# Debian's Chromium asks hosts of its maker for this and that at each start; nobody is there.
QUIET = [
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic", "--no-first-run",
]  # fmt: skip


@pytest.fixture(scope="session")
def web(house: House) -> str:
    house.open_web()
    return str(house.demo["dashboard_url"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET, chromium_sandbox=False
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, web: str, house: House) -> Iterator[Page]:
    """Logged in, and watched: a page that complains in the console fails its test."""
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(web)
    page.get_by_label("E-mail").fill(house.demo["login_email"])
    page.get_by_label("Password").fill(house.demo["login_password"])
    page.get_by_role("button", name="Log in").click()
    yield page
    context.close()
    assert complaints == []


def sent(house: House, recipient: str, subject: str) -> None:
    message = house.message(recipient)
    message.replace_header("Subject", subject)
    message_id = house.submit(message)
    eventually(
        lambda: house.sql(
            "SELECT 1 FROM mail_recipient WHERE message_id = %s AND settled_at IS NOT NULL",
            message_id,
        )
    )


def test_a_customer_finds_out_what_became_of_a_message(page: Page, house: House, web: str) -> None:
    sent(house, "bounced+browser@sim.test", "Where is it?")

    page.goto(web)
    page.get_by_role("link", name="Where is it?").click()

    expect(page.get_by_role("heading", name="Where is it?")).to_be_visible()
    expect(page.get_by_text("bounced", exact=False).first).to_be_visible()
    expect(page.get_by_text("550 5.1.1").first).to_be_visible()


def test_a_hostile_subject_is_text(page: Page, house: House, web: str) -> None:
    subject = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
    sent(house, "delivered+hostile@sim.test", subject)

    page.goto(web)
    page.get_by_role("link", name=subject).click()

    expect(page.get_by_role("heading", name=subject)).to_be_visible()
    assert "owned" not in page.title() or subject in page.title()


def test_it_fits_on_a_phone(page: Page, house: House, web: str) -> None:
    sent(house, f"delivered+{'long' * 10}@sim.test", "A subject " + "that goes on " * 20)
    page.set_viewport_size({"width": 390, "height": 844})

    page.goto(web)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_logs_out_sees_nothing_any_more(page: Page, web: str) -> None:
    page.get_by_role("button", name="Log out").click()

    page.goto(web)

    expect(page.get_by_role("button", name="Log in")).to_be_visible()
