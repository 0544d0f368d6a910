"""People in a real browser: they sign up, secure their log-in, invite others, and switch."""

import base64
import email
import email.policy
import re
import uuid

import pytest
from allauth.mfa.totp.internal import auth as totp
from playwright.sync_api import Browser, Page, expect

from cloudmta.testing import House, eventually
from cloudmta.tests.browsing import check_access, log_in, watched

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
# What those who only look are never offered, and the pages that would do it.
ACTS = [
    ("domains/", "Add a domain"), ("keys/", "Create a credential"), ("keys/", "Send a test"),
    ("webhooks/", "Add a webhook"), ("suppressions/", "Put an address on the list"),
    ("volume/", "Send the request"),
]  # fmt: skip
NEW = ["domains/new/", "keys/new/", "webhooks/new/"]


def link_to(house: House, address: str, subject: str) -> str:
    """The link in the newest message that somebody got of us."""

    def newest() -> str:
        for one in reversed(house.received(address)):
            letter = email.message_from_bytes(house.content(one), policy=email.policy.default)
            if subject in letter["Subject"]:
                return re.search(r"https?://\S+", letter.get_content())[0]
        return ""

    return eventually(newest)


def signs_up(page: Page, web: str, house: House, address: str, name: str) -> None:
    page.goto(f"{web}sign-up/")
    check_access(page)
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Name of the account").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Confirm your e-mail address")).to_be_visible()
    check_access(page)
    page.goto(link_to(house, address, "Confirm"))
    check_access(page)
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.locator(".chip", has_text="test mode")).to_be_visible()


def proves_it(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def test_a_team_forms(browser: Browser, web: str, house: House) -> None:
    mark = uuid.uuid4().hex[:8]
    alice, bob = f"alice-{mark}@sim.test", f"bob-{mark}@sim.test"
    with watched(browser) as page:
        signs_up(page, web, house, alice, f"Shop {mark}")

        # A second factor: the app, and the codes for when it is lost.
        page.goto(f"{web}you/two-factor/")
        check_access(page)
        page.get_by_role("link", name="Set up an app").click()
        check_access(page)
        proves_it(page)
        expect(page.get_by_role("heading", name="Set up an authenticator app")).to_be_visible()
        check_access(page)
        secret = page.locator(".copyable code").inner_text()
        page.get_by_label("Code", exact=True).fill(code(secret))
        page.get_by_role("button", name="Switch it on").click()
        expect(page.get_by_role("heading", name="Recovery codes", exact=True)).to_be_visible()
        page.goto(f"{web}you/two-factor/recovery-codes/")
        check_access(page)
        recovery = page.locator("#codes").inner_text().split()[0]

        page.get_by_role("button", name="Log out").click()
        log_in(page, web, alice, PASSWORD)
        expect(page.get_by_role("heading", name="Your second factor")).to_be_visible()
        check_access(page)
        page.get_by_label("Code", exact=True).fill(recovery)
        page.get_by_role("button", name="Log in", exact=True).click()

        # Somebody else.
        page.get_by_role("link", name="Team").click()
        page.get_by_label("E-mail address").fill(bob)
        page.get_by_label("Role", exact=True).select_option("viewer")
        page.get_by_role("button", name="Send the invitation").click()
        expect(page.get_by_text(f"{bob} has a message with a link")).to_be_visible()
        check_access(page)
        page.get_by_role("link", name="What members did").click()
        expect(page.get_by_text("invited as viewer")).to_be_visible()
        check_access(page)

    with watched(browser) as page:
        signs_up(page, web, house, bob, f"Bob's {mark}")
        page.goto(link_to(house, bob, "invites you"))
        check_access(page)
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_text(f"You are in Shop {mark} now.")).to_be_visible()

        # A viewer looks, and changes nothing.
        page.get_by_role("link", name="Team").click()
        expect(page.get_by_text(alice)).to_be_visible()
        expect(page.get_by_role("button", name="Send the invitation")).to_have_count(0)
        check_access(page)
        page.get_by_role("link", name="Settings").click()
        expect(page.get_by_role("button", name="Save")).to_have_count(0)
        check_access(page)
        for path, act in ACTS:
            page.goto(web + path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_role("main").get_by_text(act)).to_have_count(0)
        for path in NEW:
            assert page.request.get(web + path).status == 403, path

        # Back to his own, by keyboard alone.
        page.locator(".switcher summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=f"Bob's {mark}").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".switcher summary")).to_contain_text(f"Bob's {mark}")


def code(secret: str) -> str:
    """The code that an app shows now."""
    counter = next(iter(totp.yield_hotp_counters_from_time()))
    assert len(base64.b32decode(secret)) >= 16  # RFC 4226 §4, R6
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


def test_a_passkey_logs_in_without_a_password(browser: Browser, web: str, house: House) -> None:
    named = web.replace("127.0.0.1", "localhost")
    address = f"carol-{uuid.uuid4().hex[:8]}@sim.test"
    with watched(browser) as page:
        device = page.context.new_cdp_session(page)
        device.send("WebAuthn.enable")
        device.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                    "hasUserVerification": True, "isUserVerified": True,
                }
            },
        )  # fmt: skip
        signs_up(page, named, house, address, "Carol's")
        page.goto(f"{named}you/two-factor/webauthn/add/")
        proves_it(page)
        expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
        check_access(page)
        page.get_by_label("Passwordless").check()
        page.get_by_role("button", name="Add it").click()
        page.wait_for_url(lambda address: not address.endswith("/add/"))
        page.goto(f"{named}you/two-factor/webauthn/")
        expect(page.get_by_text("Passkey", exact=True)).to_be_visible()
        check_access(page)

        page.get_by_role("button", name="Log out").click()
        page.get_by_role("button", name="Log in with a passkey").click()
        expect(page.locator(".switcher summary")).to_contain_text("Carol's")


def test_a_passkey_that_does_not_work_is_said_in_words(browser: Browser, web: str) -> None:
    with watched(browser) as page:
        page.goto(f"{web}log-in/")  # no name, so no passkey

        page.get_by_role("button", name="Log in with a passkey").click()

        expect(page.get_by_role("alert")).to_contain_text("No passkey was used")


def test_the_frame_works_by_keyboard_and_on_a_phone(page: Page, web: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(web)
    expect(page.get_by_role("link", name="Team")).to_be_hidden()

    page.get_by_role("link", name="Open the menu").press("Enter")
    check_access(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("link", name="Team").click()

    expect(page.get_by_role("heading", name="Team", exact=True)).to_be_visible()


def test_without_javascript_all_but_copying_works(browser: Browser, web: str, house: House) -> None:
    with watched(browser, java_script_enabled=False) as page:
        log_in(page, web, house.demo["login_email"], house.demo["login_password"])
        page.get_by_role("link", name="Settings").click()
        page.locator("section .themes").get_by_role("button", name="Dark colours").click()
        assert page.locator("html").get_attribute("data-bs-theme") == "dark"
        expect(page.locator(".copy").first).to_have_count(0)


def test_nothing_is_asked_of_anybody_else(page: Page, web: str) -> None:
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    for path in ("", "analytics/", "messages/", "team/", "settings/", "you/two-factor/"):
        page.goto(web + path)

    assert hosts == {web.split("/")[2]}


PAGES = ["team/", "team/history/", "settings/", "account/new/", "you/email/", "you/password/",
         "you/two-factor/", "you/sessions/", "", "messages/"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_no_page_shuts_anybody_out(page: Page, web: str, path: str) -> None:
    page.goto(web + path)

    check_access(page)


@pytest.mark.parametrize("path", ["log-in/", "password/reset/"])
def test_no_door_shuts_anybody_out(browser: Browser, web: str, path: str) -> None:
    with watched(browser) as page:
        page.goto(web + path)
        check_access(page)
