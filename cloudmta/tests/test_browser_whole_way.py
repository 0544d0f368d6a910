"""The whole way of a new customer in a real browser, with each kind of hand."""

import smtplib
import uuid
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, expect

from cloudmta.testing import House
from cloudmta.tests.browsing import check_access, log_in, watched
from cloudmta.tests.hands import Finger, Keyboard, Mouse
from cloudmta.tests.test_browser_people import PASSWORD, link_to
from cloudmta.tests.test_browser_volume import approves

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("house")]

# Milliseconds: a first look at DNS may come before the simulator has published, and the next one
# comes a minute later, when the clock of housekeeping rings.
FOUND = 150_000


@pytest.mark.parametrize("kind", [Mouse, Finger, Keyboard])
def test_a_new_customer_goes_the_whole_way(
    browser: Browser, web: str, house: House, kind: type[Mouse]
) -> None:
    mark = uuid.uuid4().hex[:8]
    domain = f"way-{mark}.example"
    with watched(browser, **kind.window) as page:
        hand = kind(page)
        signs_up(hand, web, house, f"dora-{mark}@sim.test", f"Dora's {mark}")
        sets_up(hand, domain)
        asks_for_volume(hand)
        with watched(browser) as staff:
            log_in(staff, web, house.demo["login_email"], house.demo["login_password"])
            approves(staff, web, f"Dora's {mark}")
            staff.get_by_role("button", name="Yes, approve").click()
            expect(staff.get_by_text("Approved: 5,000 recipients a day")).to_be_visible()
        username, secret = makes_a_credential(hand)
        for local_part in ("delivered", "bounced"):
            send(house, username, secret, letter(domain, f"{local_part}+{mark}@sim.test"))

        reads_the_timeline(hand, f"delivered+{mark}@sim.test")
        sees_the_tag(hand)
        tries_a_webhook(hand, f"http://127.0.0.1:{house.http_port}/hooks/way-{mark}")
        takes_off_the_list(hand, f"bounced+{mark}@sim.test")

        hand.log_out()
        expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()


def press(hand: Mouse, name: str) -> None:
    hand.use(hand.page.get_by_role("button", name=name, exact=True))


def follow(hand: Mouse, name: str) -> None:
    hand.use(hand.page.get_by_role("main").get_by_role("link", name=name, exact=True).first)


def signs_up(hand: Mouse, web: str, house: House, address: str, name: str) -> None:
    page = hand.page
    page.goto(f"{web}log-in/")
    hand.use(page.get_by_role("link", name="Sign up"))
    hand.write("E-mail address", address)
    hand.write("Name of the account", name)
    hand.write("Password", PASSWORD)
    press(hand, "Sign up")
    expect(page.get_by_role("heading", name="Confirm your e-mail address")).to_be_visible()
    page.goto(link_to(house, address, "Confirm"))
    press(hand, "Yes, it is mine")
    expect(page.locator(".chip", has_text="test mode")).to_be_visible()
    check_access(page)


def sets_up(hand: Mouse, domain: str) -> None:
    page = hand.page
    hand.go("Domains")
    follow(hand, "Add a domain")
    hand.write("Domain", domain)
    press(hand, "Add the domain")
    state = page.locator("#records > .panel .chip")
    expect(state).to_contain_text("verified", timeout=FOUND)


def asks_for_volume(hand: Mouse) -> None:
    hand.go("Volume")
    hand.write("Recipients a day", "5000")
    hand.write("What mail is it?", "Orders and invoices")
    hand.write("Where do the addresses come from?", "Customers sign up")
    press(hand, "Send the request")
    expect(hand.page.get_by_text("Your request is with our staff")).to_be_visible()


def makes_a_credential(hand: Mouse) -> tuple[str, str]:
    page = hand.page
    hand.go("SMTP & API keys")
    expect(page.locator(".topbar .chip")).not_to_contain_text("test mode")
    follow(hand, "Create a credential")
    hand.write("Password", PASSWORD)  # for it is a secret that comes next
    press(hand, "Go on")
    hand.write("Name", "Shop")
    press(hand, "Create it and show the secret")
    expect(page.get_by_role("heading", name="The secret of Shop")).to_be_visible()
    username, secret, _ = page.locator(".secret .copyable code").all_inner_texts()
    follow(hand, "I have kept it")
    return username, secret


def letter(domain: str, to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"shop@{domain}", to, f"Receipt for {to}"
    message["X-CloudMTA-Tags"] = "receipt"
    message.set_content("Thank you.\n")
    return message


def send(house: House, username: str, secret: str, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", house.smtp_port, timeout=60) as client:
        client.starttls(context=house.trust)
        client.login(username, secret)
        client.send_message(message)


def reads_the_timeline(hand: Mouse, to: str) -> None:
    page = hand.page
    hand.go("Messages")
    follow(hand, f"Receipt for {to}")
    expect(page.locator(".timeline")).to_contain_text("delivered")
    check_access(page)


def sees_the_tag(hand: Mouse) -> None:
    page = hand.page
    hand.go("Tags & analytics")
    expect(page.locator(".chart.drawn canvas").first).to_be_visible()
    follow(hand, "receipt")
    expect(page.get_by_label("Filters")).to_contain_text("tag: receipt")
    expect(page.locator(".chart.drawn canvas").first).to_be_visible()


def tries_a_webhook(hand: Mouse, url: str) -> None:
    page = hand.page
    hand.go("Webhooks")
    follow(hand, "Add a webhook")
    hand.write("URL", url)
    press(hand, "Add it, and show the secret")
    follow(hand, "I have kept it")
    press(hand, "Post it now")
    expect(page.locator("#trial .chip")).to_contain_text("204")


def takes_off_the_list(hand: Mouse, address: str) -> None:
    page = hand.page
    hand.go("Suppressions")
    expect(page.get_by_role("row").filter(has_text=address)).to_contain_text("bounce")
    follow(hand, f"Take {address} off the list")
    press(hand, "Take it off the list")
    expect(page.get_by_text(f"{address} gets mail again.")).to_be_visible()
