"""Messages in a real browser: found by the box, told in words, shown without danger, sent again."""

import threading
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

from cloudmta.testing import House, eventually
from cloudmta.tests.browsing import check_access, log_in

pytestmark = pytest.mark.browser

SETTLED = "SELECT 1 FROM mail_recipient WHERE message_id = %s AND settled_at IS NOT NULL"
HOSTILE = """
<style>body {{ background: #fffbe6 }}</style>
<h1>Your receipt</h1><p id="words">Thank you.</p><img src="cid:logo@shop" alt="Logo">
<script>document.getElementById("words").textContent = "owned"; fetch("http://127.0.0.1:{port}/s")</script>
<img src="http://127.0.0.1:{port}/pixel.png" onerror="document.title='owned'" alt="">
<link rel="stylesheet" href="http://127.0.0.1:{port}/style.css">
<iframe src="http://127.0.0.1:{port}/frame"></iframe>
<meta http-equiv="refresh" content="0; url=http://127.0.0.1:{port}/refresh">
<a id="out" href="http://127.0.0.1:{port}/link" target="_top">Pay</a>
<form action="http://127.0.0.1:{port}/form"><button id="send">Send</button></form>
"""


@pytest.fixture
def stranger() -> Iterator[tuple[int, list[str]]]:
    """A server that a message leads to: its port, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def letter(house: House, subject: str, to: str, port: int) -> EmailMessage:
    message = house.message(to)
    message.replace_header("Subject", subject)
    message.set_content("Thank you.")
    message.add_alternative(HOSTILE.format(port=port), subtype="html")
    html = message.get_payload()[1]
    html.add_related(b"\x89PNG\r\n\x1a\n", "image", "png", cid="<logo@shop>")
    message.add_attachment(b"Terms", "application", "pdf", filename='<b>"terms".pdf')
    return message


def sent(house: House, subject: str, to: str = "delivered+pages@sim.test", port: int = 9) -> str:
    message_id = house.submit(letter(house, subject, to, port))
    eventually(lambda: house.sql(SETTLED, message_id))
    return str(message_id)


def test_the_preview_runs_nothing_and_fetches_nothing(
    browser: Browser, web: str, house: House, stranger: tuple[int, list[str]]
) -> None:
    port, asked = stranger
    message_id = sent(house, f"Hostile {uuid.uuid4().hex[:8]}", port=port)
    # Not watched: the console tells of all that the policy has stopped.
    window = browser.new_context()
    page = window.new_page()
    log_in(page, web, house.demo["login_email"], house.demo["login_password"])
    page.goto(f"{web}messages/{message_id}/preview/")

    frame = page.frame_locator("iframe.preview")
    expect(frame.get_by_role("heading", name="Your receipt")).to_be_visible()
    expect(frame.locator("#words")).to_have_text("Thank you.")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.frames[1].evaluate(background) == "rgb(255, 251, 230)"
    frame.locator("#out").click()
    frame.locator("#send").click()
    page.wait_for_load_state("networkidle")

    assert asked == []
    assert page.title().startswith("Hostile")
    assert page.url == f"{web}messages/{message_id}/preview/"

    page.get_by_role("link", name="Load remote pictures").click()
    expect(frame.get_by_role("heading", name="Your receipt")).to_be_visible()
    assert eventually(lambda: asked) == ["/pixel.png"]
    expect(frame.locator("#words")).to_have_text("Thank you.")
    assert page.title().startswith("Hostile")
    window.close()


def test_every_page_of_a_message_is_for_everybody(page: Page, web: str, house: House) -> None:
    message_id = sent(house, f"Access {uuid.uuid4().hex[:8]}", "bounced+access@sim.test")

    page.goto(f"{web}messages/{message_id}/")
    expect(page.get_by_text("There is no such mailbox. We do not try again.")).to_be_visible()
    check_access(page)
    for name, words in (
        ("Text", "Thank you."), ("Headers", "MIME-Version"), ("Attachments", "<b>"),
        ("Checks", "Spam score"),
    ):  # fmt: skip
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_text(words).first).to_be_visible()
        check_access(page)


def test_it_is_found_filtered_and_sent_again_by_keys_alone(
    page: Page, web: str, house: House
) -> None:
    word = f"w{uuid.uuid4().hex[:8]}"
    sent(house, f"Find {word}")
    page.goto(f"{web}messages/")
    check_access(page)

    page.get_by_label("Search messages").focus()
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=f"Find {word}")).to_be_visible()
    page.get_by_role("link", name="delivered", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{web}messages/?query={word}&state=delivered")
    page.get_by_role("link", name=f"Find {word}").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Send again").focus()
    page.keyboard.press("Enter")
    check_access(page)
    page.get_by_label("delivered+pages@sim.test").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Send it again").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("This is the new message.")).to_be_visible()
    mail = "SELECT count(*) FROM mail_recipient r JOIN mail_message m ON m.id = r.message_id"
    delivered = f"{mail} WHERE m.subject = %s AND r.state = 'delivered'"
    eventually(lambda: house.sql(delivered, f"Find {word}") == [(2,)])
