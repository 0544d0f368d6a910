"""Domains in a real browser: added, found by themselves, broken, mended, sent on, deleted."""

import json
import re
import urllib.request
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from cloudmta.testing import House, eventually
from cloudmta.tests.browsing import check_access, watched

pytestmark = pytest.mark.browser

# Milliseconds: the first look may come before the simulator has published, and the next one comes
# a minute later, when the clock of housekeeping rings.
FOUND = 150_000


def add(page: Page, web: str, name: str) -> None:
    page.goto(f"{web}domains/new/")
    page.get_by_label("Domain", exact=True).fill(name)
    page.get_by_role("button", name="Add the domain").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def publish(house: House, name: str, type: str, values: list[str]) -> None:
    body = json.dumps({"name": name, "type": type, "values": values}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{house.http_port}/records",
        body,
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()


def test_a_domain_is_verified_without_a_reload(page: Page, web: str, house: House) -> None:
    name = f"d{uuid.uuid4().hex[:8]}.example"
    page.goto(f"{web}domains/new/")
    check_access(page)
    add(page, web, name)
    page.evaluate("document.body.dataset.same = 'yes'")

    # The simulator publishes what our domains need; housekeeping finds it.
    expect(page.locator("#records > .panel .chip")).to_contain_text("verified", timeout=FOUND)

    assert page.evaluate("document.body.dataset.same") == "yes"
    expect(page.get_by_text("Mail may be sent from its addresses.")).to_be_visible()
    check_access(page)
    page.get_by_role("link", name="Domains", exact=True).first.click()
    check_access(page)
    notice = "SELECT 1 FROM accounts_notice WHERE subject = %s"
    assert eventually(lambda: house.sql(notice, f"{name} is verified"))


def test_the_button_shows_what_is_wrong_without_a_reload(
    page: Page, web: str, house: House
) -> None:
    name = f"d{uuid.uuid4().hex[:8]}.example"
    add(page, web, name)
    expect(page.locator("#records > .panel .chip")).to_contain_text("verified", timeout=FOUND)
    publish(house, f"mta.{name}", "CNAME", ["elsewhere.example."])
    page.evaluate("document.body.dataset.same = 'yes'")
    button = page.get_by_role("button", name="Check now")
    expect(button).to_be_enabled()

    button.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("elsewhere.example", exact=True)).to_be_visible()
    expect(page.get_by_text("It still sends, and stops unless")).to_be_visible()
    expect(page.get_by_role("button", name="Checked")).to_be_disabled()
    expect(page.locator("#announcements")).to_have_text(re.compile("Not all records were found"))
    expect(button).to_be_enabled()  # the rest is over
    assert page.evaluate("document.body.dataset.same") == "yes"
    check_access(page)


def test_a_colleague_needs_no_log_in(page: Page, browser: Browser, web: str, house: House) -> None:
    name = f"d{uuid.uuid4().hex[:8]}.example"
    add(page, web, name)
    page.get_by_role("link", name="Send to a colleague").click()
    check_access(page)
    link = page.locator(".copyable pre").inner_text()
    with watched(browser) as colleague:
        colleague.goto(link)
        expect(colleague.get_by_role("heading", name=f"DNS records of {name}")).to_be_visible()
        check_access(colleague)

    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Delete the domain").click()
    check_access(page)
    page.get_by_role("button", name="Delete the domain").click()
    expect(page.get_by_text(f"{name} is gone")).to_be_visible()
    with watched(browser) as colleague:
        response = colleague.request.get(link)
        assert response.status == 404


def test_without_scripts_the_button_works(
    page: Page, browser: Browser, web: str, house: House
) -> None:
    name = f"d{uuid.uuid4().hex[:8]}.example"
    add(page, web, name)
    cookies = page.context.cookies()
    with watched(browser, java_script_enabled=False) as plain:
        plain.context.add_cookies(cookies)
        plain.goto(page.url)
        plain.get_by_role("button", name="Check now").click()

        expect(plain.locator(".flash").first).to_be_visible()
