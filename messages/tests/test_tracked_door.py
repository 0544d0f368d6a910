"""The door of tracked links, as a web server calls it (PEP 3333)."""

from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import tracking
from events.models import Kind
from events.tracking import Purpose, Token
from messages.tracked.door import PIXEL, TrackingDoor

URL = "https://shop.example/?a=1&b=%C3%BC#c"
OPEN = f"/t/o/{tracking.write(Purpose.OPEN, Token(7))}.gif"
CLICK = f"/t/c/{tracking.write(Purpose.CLICK, Token(7, URL))}"


def behind(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Django"]


def ask(path, method="GET", **environ):
    """Return status, headers, body, and the visits that were noted."""
    visits, answer = [], []

    def start_response(status, headers, exc_info=None):
        answer.extend((status, dict(headers)))
        return lambda octets: None

    environ = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""} | environ
    environ["REQUEST_METHOD"] = method
    setup_testing_defaults(environ)
    iterable = validator(TrackingDoor(behind, visits.append))(environ, start_response)
    body = b"".join(iterable)
    iterable.close()
    return *answer, body, visits


def test_a_pixel_is_shown_and_the_open_noted():
    status, headers, body, (visit,) = ask(
        OPEN, REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Thunderbird"
    )

    assert (status, headers["Content-Type"], body) == ("200 OK", "image/gif", PIXEL)
    assert "no-store" in headers["Cache-Control"]
    assert "Set-Cookie" not in headers
    assert (visit.kind, visit.recipient_id, visit.address) == (Kind.OPEN, 7, "192.0.2.1")
    assert visit.user_agent == "Thunderbird"


def test_a_link_leads_where_it_led_and_the_click_is_noted():
    status, headers, body, (visit,) = ask(CLICK)

    assert (status, headers["Location"], body) == ("302 Found", URL, b"")
    assert "no-store" in headers["Cache-Control"]
    assert (visit.kind, visit.recipient_id, visit.url) == (Kind.CLICK, 7, URL)


@pytest.mark.parametrize("path", [OPEN, CLICK], ids=["open", "click"])
def test_head_is_answered_without_a_body_and_noted_as_such(path):
    _, headers, body, (visit,) = ask(path, "HEAD")

    assert body == b""
    assert visit.is_head
    assert "Content-Length" in headers


@pytest.mark.parametrize("path", [OPEN, CLICK], ids=["open", "click"])
def test_nothing_else_is_done_here(path):
    status, headers, _, visits = ask(path, "POST")

    assert (status, headers["Allow"], visits) == ("405 Method Not Allowed", "GET, HEAD", [])


@pytest.mark.parametrize(
    "path",
    [
        "/t/c/", "/t/o/x.gif", "/t/c/https://evil.test/", "/t/c/https%3A%2F%2Fevil.test",
        OPEN.removesuffix(".gif"), OPEN.replace("/o/", "/c/").removesuffix(".gif"),
        CLICK.replace("/c/", "/o/") + ".gif", CLICK[:-1], CLICK + "A", CLICK + "/",
        f"/t/c/{tracking.write(Purpose.CLICK, Token(7, 'javascript:alert(1)'))}",
        f"/t/c/{tracking.write(Purpose.CLICK, Token(7, '//evil.test'))}",
    ],
    ids=lambda path: path[:5],
)  # fmt: skip
def test_what_we_have_not_written_leads_nowhere(path):
    status, headers, body, visits = ask(path)

    assert (status, visits) == ("404 Not Found", [])
    assert "Location" not in headers
    assert body.startswith(b"There is nothing at this address.")


@given(st.text(st.characters(max_codepoint=255), max_size=50))
def test_whatever_is_asked_for_nobody_is_led_astray(rest):
    for prefix in ("/t/c/", "/t/o/"):
        assert ask(prefix + rest)[0] == "404 Not Found"


def test_the_query_of_a_link_does_not_matter():
    assert ask(CLICK, QUERY_STRING="url=https://evil.test/")[1]["Location"] == URL


@pytest.mark.parametrize("path", ["/", "/messages/", "/t/u/x", "/t/x", "/t"])
def test_all_other_addresses_are_djangos(path):
    assert ask(path)[2] == b"Django"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "198.51.100.9", "192.0.2.1"), (1, "198.51.100.9", "198.51.100.9"),
        (1, "forged, 198.51.100.9", "198.51.100.9"), (1, "", "192.0.2.1"),
        (2, "forged, 198.51.100.9, 10.0.0.1", "198.51.100.9"), (2, "forged", "192.0.2.1"),
    ],
)  # fmt: skip
def test_who_asks_is_what_our_own_proxies_say(settings, proxies, forwarded, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies

    _, _, _, (visit,) = ask(OPEN, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)

    assert visit.address == address
