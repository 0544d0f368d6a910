"""SMTP & API keys, the documentation and Contact in a real browser."""

import re
import smtplib
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from cloudmta.testing import House, eventually
from cloudmta.tests.browsing import check_access, watched

pytestmark = pytest.mark.browser


def proves_it(page: Page, house: House) -> None:
    page.get_by_label("Password").fill(house.demo["login_password"])
    page.get_by_role("button", name="Go on").click()


def test_a_credential_is_made_copied_used_and_a_message_watched(
    page: Page, web: str, house: House
) -> None:
    name = f"Shop {uuid.uuid4().hex[:8]}"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="SMTP & API keys").click()
    check_access(page)
    page.get_by_role("link", name="Create a credential").click()
    proves_it(page, house)
    expect(page.get_by_role("heading", name="Create a credential")).to_be_visible()
    check_access(page)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create it and show the secret").click()
    expect(page.get_by_role("heading", name=f"The secret of {name}")).to_be_visible()
    check_access(page)

    # What is copied logs in.
    page.get_by_role("button", name="Copy the user name").click()
    username = page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Copy the secret", exact=True).click()
    secret = page.evaluate("navigator.clipboard.readText()")
    with smtplib.SMTP("127.0.0.1", house.smtp_port, timeout=60) as client:
        client.starttls(context=house.trust)
        assert client.login(username, secret)[0] == 235

    page.get_by_role("link", name="I have kept it").click()
    expect(page.get_by_text(secret)).to_have_count(0)
    row = page.get_by_role("row").filter(has_text=name)
    eventually(lambda: page.reload() and "from 127.0.0.1" in row.inner_text())

    # A test message, with its dialogue, without a reload.
    page.get_by_role("link", name="Send a test message").click()
    check_access(page)
    page.get_by_label("Credential").select_option(username)
    page.get_by_label("To", exact=True).fill(f"delivered+{username}@sim.test")
    page.get_by_role("button", name="Send it").click()
    progress = page.locator("#progress")
    expect(progress).to_contain_text("✓ delivered")
    expect(progress.get_by_text(f"RCPT TO:<delivered+{username}@sim.test>")).to_be_visible()
    check_access(page)
    page.get_by_role("link", name="The page of this message").click()
    expect(page.get_by_role("heading", name="A test of")).to_be_visible()

    # Two live secrets, and the end of the old one.
    page.goto(f"{web}keys/")
    page.get_by_role("link", name=f"New secret for {name}").click()
    check_access(page)
    page.get_by_role("button", name="Make a new secret").click()
    page.get_by_role("link", name="I have kept it").click()
    expect(row).to_contain_text("Two secrets are good")
    check_access(page)
    row.get_by_role("link", name="End it now").click()
    page.get_by_role("button", name="End the old secret").click()
    expect(row).not_to_contain_text("Two secrets are good")
    page.get_by_role("link", name=f"Revoke {name}").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(row).to_have_count(0)


def test_snippets_can_be_chosen_and_copied(page: Page, web: str, house: House) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{web}keys/")
    page.locator("#nodemailer summary").click()
    check_access(page)
    expect(page.locator("#curl_smtp pre")).to_be_hidden()  # one at a time

    page.get_by_role("button", name="Copy the snippet for Node.js, Nodemailer").click()

    assert 'host: "localhost"' in page.evaluate("navigator.clipboard.readText()")


def test_keys_work_on_a_phone(page: Page, web: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{web}keys/")

    expect(page.get_by_role("link", name="Create a credential")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_strangers_read_the_documentation(browser: Browser, web: str) -> None:
    with watched(browser) as page:
        page.goto(f"{web}docs/")
        check_access(page)
        page.get_by_role("main").get_by_role("link", name="SMTP", exact=True).click()
        expect(page.get_by_role("heading", name="SMTP", exact=True)).to_be_visible()
        check_access(page)
        page.get_by_role("link", name="Refusals").first.click()
        assert page.url.endswith("#refusals")
        page.goto(f"{web}docs/limits/")
        check_access(page)


def test_a_question_is_asked_and_answered(page: Page, web: str) -> None:
    subject = f"More tags {uuid.uuid4().hex[:8]}"
    page.get_by_role("link", name="Contact").click()
    check_access(page)
    page.get_by_label("What it is about").fill(subject)
    page.get_by_label("Your message").fill("May we have 30 tags?")
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text("Our staff have it")).to_be_visible()
    check_access(page)
    thread = page.url

    # The demo's user is staff as well.
    page.goto(f"{web}admin/accounts/thread/")
    page.get_by_role("link", name=subject).click()
    page.get_by_label("Your answer").fill("Yes.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text(re.compile("is answered"))).to_be_visible()

    page.goto(thread)
    expect(page.get_by_text("Our staff", exact=True)).to_be_visible()
    expect(page.get_by_text("✓ answered")).to_be_visible()
