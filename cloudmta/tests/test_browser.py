"""The dashboard in a real browser: what a customer clicks, and what it must never do."""

import pytest
from playwright.sync_api import Page, expect

from cloudmta.testing import House, eventually

pytestmark = pytest.mark.browser


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

    page.goto(f"{web}messages/")
    page.get_by_role("link", name="Where is it?").click()

    expect(page.get_by_role("heading", name="Where is it?")).to_be_visible()
    expect(page.get_by_text("bounced", exact=False).first).to_be_visible()
    expect(page.get_by_text("550 5.1.1").first).to_be_visible()


def test_a_hostile_subject_is_text(page: Page, house: House, web: str) -> None:
    subject = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
    sent(house, "delivered+hostile@sim.test", subject)

    page.goto(f"{web}messages/")
    page.get_by_role("link", name=subject).click()

    expect(page.get_by_role("heading", name=subject)).to_be_visible()
    assert "owned" not in page.title() or subject in page.title()


def test_it_fits_on_a_phone(page: Page, house: House, web: str) -> None:
    sent(house, f"delivered+{'long' * 10}@sim.test", "A subject " + "that goes on " * 20)
    page.set_viewport_size({"width": 390, "height": 844})

    page.goto(f"{web}messages/")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_logs_out_sees_nothing_any_more(page: Page, web: str) -> None:
    page.get_by_role("button", name="Log out").click()

    page.goto(web)

    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
