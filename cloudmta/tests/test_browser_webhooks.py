"""Webhooks in a real browser: added, tried in place, told of an event, replayed, deleted."""

import json
import urllib.request
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from cloudmta.testing import House, eventually
from cloudmta.tests.browsing import check_access, log_in, watched

pytestmark = pytest.mark.browser


def endpoint(house: House) -> str:
    """Return the URL of an endpoint of the simulator that nobody else uses."""
    return f"http://127.0.0.1:{house.http_port}/hooks/h{uuid.uuid4().hex[:8]}"


def answer(url: str, status: int) -> None:
    body = json.dumps({"status": status}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, method="PUT")).close()


def is_sure(page: Page, house: House) -> None:
    """Give the password once more, as pages ask for that show a secret."""
    page.get_by_label("Password").fill(house.demo["login_password"])
    page.get_by_role("button", name="Go on").click()


def add(page: Page, web: str, house: House, url: str) -> None:
    page.goto(f"{web}webhooks/new/")
    is_sure(page, house)
    check_access(page)
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("whsec_").first).to_be_visible()
    check_access(page)
    page.get_by_role("link", name="I have kept it").click()


def test_a_webhook_from_its_first_test_to_its_end(page: Page, web: str, house: House) -> None:
    url = endpoint(house)
    answer(url, 503)
    page.goto(f"{web}webhooks/")
    check_access(page)
    add(page, web, house, url)
    page.evaluate("document.body.dataset.same = 'yes'")

    page.get_by_label("Post a sample").select_option("bounce")
    page.get_by_role("button", name="Post it now").click()
    expect(page.locator("#trial")).to_contain_text("The endpoint answered 503")
    answer(url, 204)
    page.get_by_role("button", name="Post it now").click()
    expect(page.locator("#trial .chip")).to_contain_text("204")
    expect(page.locator("#state")).to_contain_text("working")
    assert page.evaluate("document.body.dataset.same") == "yes"
    check_access(page)

    house.submit(house.message("delivered+hook@sim.test"))
    posted = "SELECT 1 FROM events_webhookpost WHERE batch_id IS NOT NULL AND url = %s"
    eventually(lambda: house.sql(posted, url))
    page.reload()
    page.locator("td a").first.click()
    expect(page.get_by_text("webhook-signature").first).to_be_visible()
    check_access(page)
    page.get_by_role("button", name="Post these events again").click()
    expect(page.get_by_text("will be posted again")).to_be_visible()
    eventually(lambda: len(house.sql(posted, url)) > 1)

    page.get_by_role("link", name="Replay").click()
    check_access(page)
    page.go_back()
    page.get_by_role("link", name="Delete the webhook").click()
    page.get_by_role("button", name="Delete the webhook").click()
    expect(page.get_by_text("The webhook is deleted.")).to_be_visible()


def test_without_javascript_a_test_works_as_well(browser: Browser, web: str, house: House) -> None:
    url = endpoint(house)
    with watched(browser, java_script_enabled=False) as page:
        log_in(page, web, house.demo["login_email"], house.demo["login_password"])
        page.goto(f"{web}webhooks/new/")
        is_sure(page, house)
        page.get_by_label("URL").fill(url)
        page.get_by_role("button", name="Add it").click()
        page.get_by_role("link", name="I have kept it").click()

        page.get_by_role("button", name="Post it now").click()

        expect(page.locator("#trial .chip")).to_contain_text("204")
        page.get_by_role("link", name="Delete the webhook").click()
        page.get_by_role("button", name="Delete the webhook").click()
