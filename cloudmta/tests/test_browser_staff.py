"""Staff in a real browser: what waits, an account at a glance, and a look that changes nothing."""

import re
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from cloudmta.testing import House
from cloudmta.tests.browsing import check_access, log_in, watched

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
# A customer under review, who also asks for more.
CUSTOMER = """
from allauth.account.models import EmailAddress
from django.utils import timezone
from accounts import approval
from accounts.models import Account, Membership, User
from accounts.volume import StandingChange, VolumeDay
user = User.objects.create_user({address!r}, {password!r})
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
account = Account.objects.create(name={name!r}, standing=3, allowance=1000)
Membership.objects.create(user=user, account=account, role="owner")
StandingChange.objects.create(
    account=account, before=0, after=3, measure="bounces", count=60, out_of=1000, threshold=0.05,
    since=timezone.now(),
)
today = timezone.now().date()
for back, used in enumerate((250, 900, 700, 400, 250, 150)):
    day = today - timezone.timedelta(days=back)
    VolumeDay.objects.create(account=account, day=day, allowance=1000, used=used, decision="held")
approval.ask(account, user.email, 5000, "Orders", "Our shop")
"""


@pytest.fixture
def shop(house: House) -> str:
    name = f"Shop {uuid.uuid4().hex[:8]}"
    values = {"address": f"{name[5:]}@sim.test", "password": PASSWORD, "name": name}
    house.manage("shell", "-c", CUSTOMER.format(**values))
    return name


def test_staff_see_what_waits_and_find_the_account_behind_it(
    page: Page, web: str, shop: str
) -> None:
    page.goto(f"{web}admin/")
    expect(page.get_by_role("link", name="Requests for more volume")).to_be_visible()
    check_access(page)
    page.get_by_role("link", name="State of queues and processes").click()
    expect(page.get_by_role("rowheader", name="worker priority")).to_be_visible()
    check_access(page)
    page.get_by_label("Search all accounts").fill(shop.lower())
    page.get_by_role("button", name="Search").click()
    check_access(page)
    page.get_by_role("link", name=shop).click()
    expect(page.get_by_text("under review")).to_be_visible()
    expect(page.get_by_text("250 of 1,000")).to_be_visible()
    check_access(page)
    page.goto(f"{web}admin/accounts/account/?q={shop.replace(' ', '+')}")
    expect(page.get_by_role("img", name=re.compile("at most 900"))).to_be_visible()


def test_a_look_as_a_customer_is_seen_changes_nothing_and_ends(
    page: Page, browser: Browser, web: str, shop: str
) -> None:
    page.goto(f"{web}admin/accounts/account/?q={shop.replace(' ', '+')}")
    page.get_by_role("link", name=shop).click()
    page.get_by_role("link", name="Look as customer").click()
    expect(page.get_by_role("heading", name=f"Look at {shop}")).to_be_visible()
    check_access(page)
    page.get_by_role("button", name="Yes, look at it").click()
    banner = page.get_by_role("region", name="You look as a customer")
    expect(banner).to_contain_text(shop)
    check_access(page)

    with watched(browser) as owner:
        log_in(owner, web, f"{shop[5:]}@sim.test", PASSWORD)
        expect(owner.get_by_text("Our staff look at this account just now")).to_be_visible()
        check_access(owner)

    page.get_by_role("button", name="Stop looking").click()
    expect(page.get_by_text(f"You look at {shop} no more")).to_be_visible()
    page.goto(web)
    expect(banner).to_have_count(0)
