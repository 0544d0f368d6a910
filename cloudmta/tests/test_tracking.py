"""The way of a tracked message: delivered, looked at, followed, unsubscribed from; all real."""

import re
import signal
import urllib.error
import urllib.request
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests.test_journeys import events, settled, verified

pytestmark = pytest.mark.xdist_group("house")

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
LINK = "https://shop.example/?a=1&b=2#c"


@pytest.fixture(scope="module")
def web(house: House) -> House:
    house.open_web()
    return house


def letter(house: House, to: str, **headers: str) -> EmailMessage:
    message = house.message(to, X_CloudMTA_Track_Opens="true", **headers)
    message["X-CloudMTA-Track-Clicks"] = "true"
    message.add_alternative(
        f'<html><body><a href="{LINK.replace("&", "&amp;")}">Shop</a></body></html>', subtype="html"
    )
    return message


def arrived(house: House, address: str) -> EmailMessage:
    """Return what a recipient got, its signature verified."""
    (captured,) = house.received(address)
    content = house.content(captured)
    assert verified(house, content)
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def html_of(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part
    return str(part.get_content())


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def fetch(url: str, data: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    """Ask as a browser does, and follow nothing."""
    request = urllib.request.Request(url, data, {"User-Agent": FIREFOX})
    try:
        with urllib.request.build_opener(Stay).open(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_opens_and_clicks_come_home(web: House) -> None:
    carol, dave = "delivered+carol@sim.test", "delivered+dave@sim.test"
    message_id = web.submit(letter(web, carol), carol, dave)
    settled(web, message_id)

    html = html_of(arrived(web, carol))
    assert html != html_of(arrived(web, dave))
    (pixel,) = re.findall(r'<img src="([^"]+)"', html)
    (link,) = re.findall(r'<a href="([^"]+)"', html)
    assert fetch(pixel)[:1] == (200,)
    status, headers, _ = fetch(link)

    assert (status, headers["Location"]) == (302, LINK)
    assert "Set-Cookie" not in headers
    expected = {("open", carol), ("click", carol), ("delivery", carol), ("delivery", dave)}
    eventually(lambda: set(events(web, message_id)) == expected)
    ((details,),) = web.sql(
        "SELECT details FROM events_event WHERE message_id = %s AND kind = 'click'", message_id
    )
    assert details["url"] == LINK
    assert (details["ip"], details["user_agent"]) == ("127.0.0.1", FIREFOX)
    web.ledger()


def test_an_altered_link_leads_nowhere(web: House) -> None:
    base = f"http://127.0.0.1:{web.web_port}/t/c/"

    status, headers, body = fetch(base + "A" * 60)

    assert status == 404
    assert "Location" not in headers
    assert b"the link was damaged" in body


def test_one_click_unsubscribes_from_digests(web: House) -> None:
    erin = "delivered+erin@sim.test"
    asks = {"X_CloudMTA_Class": "digest", "X_CloudMTA_Unsubscribe": "true"}
    message_id = web.submit(web.message(erin, **asks))
    settled(web, message_id)

    message = arrived(web, erin)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    signed = message["DKIM-Signature"].replace(" ", "").lower()
    assert ":list-unsubscribe:list-unsubscribe-post" in signed
    link = message["List-Unsubscribe"].strip("<>")
    assert fetch(link)[0] == 200
    assert not on_list(web, erin)
    assert fetch(link, b"List-Unsubscribe=One-Click")[0] == 200
    assert on_list(web, erin) == ["unsubscribe"]

    digest = web.submit(web.message(erin, **asks))
    assert settled(web, digest) == {erin: "blocked"}
    receipt = web.submit(web.message(erin))
    assert settled(web, receipt) == {erin: "delivered"}


def on_list(house: House, address: str) -> list[str]:
    rows = house.sql("SELECT reason FROM events_suppression WHERE address = %s", address)
    return [reason for (reason,) in rows]


def test_the_web_server_writes_what_it_knows_before_it_stops(web: House) -> None:
    frank = "delivered+frank@sim.test"
    message_id = web.submit(letter(web, frank))
    settled(web, message_id)
    (pixel,) = re.findall(r'<img src="([^"]+)"', html_of(arrived(web, frank)))

    assert fetch(pixel)[0] == 200
    web.kill("web", signal.SIGTERM)

    assert ("open", frank) in events(web, message_id)
    web.open_web()
