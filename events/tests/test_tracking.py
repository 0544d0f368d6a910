"""The tokens of tracked links: what they keep, and what passes for none."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import tracking
from events.tracking import Purpose, Token

CLICK = Token(4711, "https://shop.example/?a=1&b=2#c")
DIGITS = string.ascii_letters + string.digits + "-_"


@given(
    st.sampled_from(Purpose),
    st.integers(0, 2**63 - 1),
    st.text(st.characters(max_codepoint=127), max_size=200),
)
def test_a_token_says_what_was_written(purpose, recipient_id, url):
    token = Token(recipient_id, url)

    assert tracking.read(purpose, tracking.write(purpose, token)) == token


def test_it_is_the_same_on_every_attempt():
    assert tracking.write(Purpose.CLICK, CLICK) == tracking.write(Purpose.CLICK, CLICK)


def test_nobody_sees_in_it_where_it_leads():
    written = tracking.write(Purpose.CLICK, CLICK)

    assert "shop" not in written
    assert b"shop" not in tracking.urlsafe_b64decode(written + "==")


@pytest.mark.parametrize("token", [CLICK, Token(1), Token(1, "https://a.b/"), Token(2, "x" * 9)])
def test_whatever_character_changes_it_is_no_token(token):
    written = tracking.write(Purpose.CLICK, token)
    for at, digit in enumerate(written):
        for other in {DIGITS[0], DIGITS[1], DIGITS[DIGITS.index(digit) ^ 1]} - {digit}:
            assert tracking.read(Purpose.CLICK, written[:at] + other + written[at + 1 :]) is None


@given(st.text(max_size=60) | st.text(DIGITS, max_size=60))
def test_whatever_else_comes_is_no_token(written):
    assert tracking.read(Purpose.OPEN, written) is None


@pytest.mark.parametrize("purpose", [Purpose.OPEN, Purpose.UNSUBSCRIBE])
def test_a_token_for_one_purpose_is_none_for_another(purpose):
    assert tracking.read(purpose, tracking.write(Purpose.CLICK, CLICK)) is None


def test_links_outlive_a_change_of_the_secret_key(settings):
    written = tracking.write(Purpose.CLICK, CLICK)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another"

    assert tracking.read(Purpose.CLICK, written) is None
    settings.SECRET_KEY_FALLBACKS = [old]
    assert tracking.read(Purpose.CLICK, written) == CLICK


def test_links_lead_to_the_tracking_host(settings):
    settings.TRACKING_URL = "https://click.example"

    assert tracking.pixel_url(1).startswith("https://click.example/t/o/")
    assert tracking.pixel_url(1).endswith(".gif")
    assert tracking.is_ours(tracking.click_url(1, "https://a.example/"))
    assert not tracking.is_ours("https://click.example.evil.test/t/c/x")
