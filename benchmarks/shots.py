"""Which pages pictures are taken of, and what is done on some of them before."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import FilePayload, Page, expect

from benchmarks.product import Product

# Milliseconds until a message is delivered, or a page has looked at DNS anew.
SETTLED = 60_000

Act = Callable[[Page, Product], None]


@dataclass(frozen=True)
class Shot:
    """One page by the name of its URL."""

    words: str  # what is to be seen; the file is called so
    name: str
    sample: str = ""  # which of SAMPLES the page is of
    argument: str = ""  # of the URL, where the page is of no sample
    query: str = ""
    act: Act | None = None  # done before the picture is taken
    on_phone: bool = False  # taken on a phone as well


def look_for_somebody(page: Page, product: Product) -> None:
    address = page.locator(".recipients .address").nth(3).inner_text()
    page.get_by_label("Search messages").fill(address)
    page.get_by_role("button", name="Search").click()
    page.wait_for_load_state("networkidle")


def make_a_secret(page: Page, product: Product) -> None:
    page.get_by_label("Name").fill("Web shop")
    page.get_by_role("button", name="Create it").click()
    expect(page.get_by_role("heading", name="The secret of Web shop")).to_be_visible()
    page.locator(".snippet > summary").nth(4).click()


def send_a_test(page: Page, product: Product) -> None:
    page.get_by_label("Credential").select_option(index=0)
    page.get_by_label("To", exact=True).fill("delivered@sim.test")
    page.get_by_role("button", name="Send it").click()
    expect(page.locator("main .chip.good").first).to_be_visible(timeout=SETTLED)


def post_a_sample(page: Page, product: Product) -> None:
    page.get_by_role("button", name="Post it now").click()
    expect(page.locator("#trial .outcome")).to_be_visible()


def import_a_list(page: Page, product: Product) -> None:
    content = b"address,note\ncarol@inbox.example,asked by phone\nno address,\n"
    file: FilePayload = {"name": "list.csv", "mimeType": "text/csv", "buffer": content}
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Mend these lines")).to_be_visible(timeout=SETTLED)


def break_a_record(page: Page, product: Product) -> None:
    """Let the simulator's DNS say something else than what is asked for, and look again."""
    name = page.locator("h1").inner_text()
    body = {"name": f"mta.{name}", "type": "CNAME", "values": ["mail.former-host.example."]}
    request = urllib.request.Request(
        f"{product.facts['simulator_url']}/records",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()
    # The simulator's records are remembered for some seconds.
    while not page.get_by_text("mail.former-host.example").count():
        expect(page.get_by_role("button", name="Check now")).to_be_enabled(timeout=SETTLED)
        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_role("button", name="Checked")).to_be_visible(timeout=SETTLED)


UUID = r"[0-9a-f-]{36}"
# Things that have pages of their own: the page that leads to one (itself of a sample, or of none),
# and where the arguments of its URL stand there.
SAMPLES = {
    "message": ("message-list", "", "?state=delivered", rf"/messages/({UUID})/"),
    "bounced": ("message-list", "", "?state=bounced", rf"/messages/({UUID})/"),
    "deferred": ("message-list", "", "?state=deferred", rf"/messages/({UUID})/"),
    "invoice": ("message-list", "", "?state=delivered&tag=invoice", rf"/messages/({UUID})/"),
    "domain": ("domain-list", "", "", r"/domains/(?!new/)([\w-]+)/"),
    "shared": ("domain-send", "domain", "", r"/records/([^/]+)/"),
    "webhook": ("webhook-list", "", "", rf"/webhooks/({UUID})/[^<]*<bdi>[^<]*crm"),
    "post": (
        "webhook-detail", "webhook", "?outcome=failed", rf"/webhooks/({UUID})/posts/({UUID})/"
    ),
    "credential": ("credential-list", "", "", r"/keys/([0-9a-f]{16})/"),
    "thread": ("contact", "", "", r"/contact/(\d+)/"),
    "request": ("admin:accounts_rampuprequest_changelist", "", "", r"rampuprequest/(\d+)/change/"),
    "account": ("admin:accounts_account_changelist", "", "?q=Demo", r"account/(\d+)/change/"),
    "question": ("admin:accounts_thread_changelist", "", "", r"accounts/thread/(\d+)/change/"),
}  # fmt: skip

# The page that asks for the password once more, before a secret is shown or changed.
SURE = "account_reauthenticate"

OUTSIDE = (
    Shot("Log-in", "log-in", on_phone=True),
    Shot("Sign-up", "account_signup"),
    Shot("Forgotten password", "account_reset_password"),
)
INSIDE = (
    Shot("Overview", "overview", on_phone=True),
    Shot("Messages", "message-list", on_phone=True),
    Shot("Messages, filtered", "message-list", query="?tag=order&state=bounced"),
    Shot("Messages, a search", "message-list", act=look_for_somebody),
    Shot("Message", "message-detail", "message", on_phone=True),
    Shot("Message, bounced", "message-detail", "bounced"),
    Shot("Message, deferred", "message-detail", "deferred"),
    Shot("Message, preview", "message-preview", "invoice"),
    Shot("Message, text", "message-text", "invoice"),
    Shot("Message, headers", "message-headers", "invoice"),
    Shot("Message, attachments", "message-attachments", "invoice"),
    Shot("Message, checks", "message-checks", "invoice"),
    Shot("Message, send again", "message-resend", "message"),
    Shot("Refused", "message-refusals"),
    Shot("Domains", "domain-list"),
    Shot("Domain", "domain-detail", "domain", on_phone=True),
    Shot("Domain, new", "domain-new"),
    Shot("Domain, records for a colleague", "domain-send", "domain"),
    Shot("Domain, what the colleague sees", "domain-shared", "shared"),
    Shot("Analytics", "analytics", on_phone=True),
    Shot("Analytics by hour", "analytics", query="?period=7d&interval=hour&by=destination"),
    Shot("Suppressions", "suppression-list"),
    Shot("Suppressions, an import", "suppression-list", act=import_a_list),
    Shot("Webhooks", "webhook-list"),
    Shot("Webhook", "webhook-detail", "webhook", act=post_a_sample),
    Shot("Webhook, new", "webhook-new"),
    Shot("Webhook, post", "webhook-post", "post"),
    Shot("SMTP and API keys", "credential-list", on_phone=True),
    Shot("Credential", "credential-change", "credential"),
    Shot("Credential, its secret and snippets", "credential-new", act=make_a_secret),
    Shot("Test message on its way", "credential-test", act=send_a_test),
    Shot("Volume", "volume", on_phone=True),
    Shot("Team", "team"),
    Shot("Team, history", "team-history"),
    Shot("Settings", "settings"),
    Shot("E-mail address", "account_email"),
    Shot("Is it you", SURE),
    Shot("Two-factor", "mfa_index"),
    Shot("Two-factor, an app", "mfa_activate_totp"),
    Shot("Sessions", "usersessions_list"),
    Shot("Status", "status"),
    Shot("Contact", "contact"),
    Shot("Contact, an answer", "contact-thread", "thread"),
    Shot("Documentation", "docs", on_phone=True),
    Shot("Documentation, a page", "docs-page", argument="smtp"),
    Shot("Documentation, REST", "api-docs"),
    Shot("Documentation, errors", "api-errors"),
    Shot("Staff, what waits", "admin:index"),
    Shot("Staff, state of queues and processes", "admin:state"),
    Shot("Staff, requests", "admin:accounts_rampuprequest_changelist"),
    Shot("Staff, a request and its evidence", "admin:accounts_rampuprequest_change", "request"),
    Shot("Staff, an account", "admin:accounts_account_change", "account"),
    Shot("Staff, a question", "admin:accounts_thread_change", "question"),
    Shot("Staff, search", "admin:search", query="?q=demo"),
    # Last, for it stays broken.
    Shot("Domain, a record broken", "domain-detail", "domain", act=break_a_record),
)
