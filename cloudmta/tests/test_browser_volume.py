"""More volume in a real browser: a customer asks, staff decide once, and the mail arrives."""

import email
import email.policy
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from cloudmta.testing import House, eventually
from cloudmta.tests.browsing import check_access, log_in, watched

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
# A customer whose domain is verified, which takes DNS and minutes by the road.
CUSTOMER = """
from allauth.account.models import EmailAddress
from django.utils import timezone
from accounts.models import Account, Membership, User
from domains.models import Domain
user = User.objects.create_user({address!r}, {password!r})
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
account = Account.objects.create(name={name!r}, is_test=True)
Membership.objects.create(user=user, account=account, role="owner")
Domain.objects.create(account=account, name={domain!r}, verified_at=timezone.now())
"""
SEND = "from accounts import notices; notices.send_due()"


def asks(page: Page, web: str) -> None:
    """Ask for 5,000 recipients a day, after a try that forgets something."""
    page.goto(f"{web}volume/")
    check_access(page)
    page.get_by_label("Recipients a day").fill("5000")
    page.get_by_label("What mail is it?").fill("Orders and invoices")
    page.get_by_label("Where do the addresses come from?").fill("Customers sign up")
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_text("Your request is with our staff")).to_be_visible()
    check_access(page)


def approves(page: Page, web: str, name: str) -> None:
    """Go from the list to the page that asks for the last time."""
    page.goto(f"{web}admin/accounts/rampuprequest/")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_text("Orders and invoices")).to_be_visible()
    page.get_by_role("link", name="Approve as asked").click()
    page.get_by_role("button", name="Show me what is sent").click()
    expect(page.get_by_text("Your request for more volume is approved")).to_be_visible()


def letter_to(house: House, address: str) -> str:
    def newest() -> str:
        found = house.received(address)
        if not found:
            return ""
        content = house.content(found[-1])
        return str(email.message_from_bytes(content, policy=email.policy.default).get_content())

    return eventually(newest)


def test_a_request_is_approved_once_and_the_customer_gets_mail(
    browser: Browser, web: str, house: House
) -> None:
    mark = uuid.uuid4().hex[:8]
    address, name = f"vera-{mark}@sim.test", f"Shop {mark}"
    house.manage(
        "shell", "-c",
        CUSTOMER.format(
            address=address, password=PASSWORD, name=name, domain=f"{mark}.example"
        ),
    )  # fmt: skip
    staff = (house.demo["login_email"], house.demo["login_password"])
    with watched(browser) as vera, watched(browser) as sam, watched(browser) as tom:
        log_in(vera, web, address, PASSWORD)
        asks(vera, web)
        for page in (sam, tom):  # two of staff have the last question before them
            log_in(page, web, *staff)
            approves(page, web, name)

        sam.get_by_role("button", name="Yes, approve").click()
        tom.get_by_role("button", name="Yes, approve").click()

        expect(sam.get_by_text("Approved: 5,000 recipients a day")).to_be_visible()
        expect(tom.get_by_text("has decided already (approved)")).to_be_visible()
        house.manage("shell", "-c", SEND)
        assert "may grow up to 5,000 recipients a day" in letter_to(house, address)
        vera.goto(f"{web}volume/")
        expect(vera.get_by_text("It grows by itself up to 5,000 a day")).to_be_visible()
        expect(vera.get_by_text("in good standing").first).to_be_visible()
        check_access(vera)
    decisions = house.sql(
        "SELECT count(*) FROM accounts_rampupdecision d"
        " JOIN accounts_rampuprequest r ON r.id = d.request_id WHERE r.asked_by = %s",
        address,
    )
    assert decisions == [(1,)]
