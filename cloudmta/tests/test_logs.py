"""What stands in the log: the story of a message by its id, no forged line, and no secret."""

import json
import logging
import sys

import pytest

from cloudmta.logs import JsonFormatter, LineFormatter
from cloudmta.testing import eventually


def record(message="attempt", exc_info=None, **facts):
    made = logging.LogRecord("messages.outcomes", logging.INFO, "", 0, message, (), exc_info)
    made.facts = facts
    return made


def line(**facts):
    return LineFormatter("%(levelname)s %(name)s: %(message)s").format(record(**facts))


def test_a_line_has_the_facts_behind_the_message():
    assert line(message_id="f78b", attempt=2) == (
        "INFO messages.outcomes: attempt message_id=f78b attempt=2"
    )


@pytest.mark.parametrize("reply", ["550 no\nINFO accepted", "a b", "é", "\x1b[2J", "x\x00"])
def test_what_a_server_says_cannot_forge_a_line(reply):
    shown = line(reply=reply)

    assert "\n" not in shown
    assert shown.isascii() and shown.isprintable()
    assert json.loads(shown.partition("reply=")[2]) == reply


def test_json_is_one_object_a_line():
    try:
        raise ValueError("of\nlines")
    except ValueError:
        text = JsonFormatter().format(record("it failed", sys.exc_info(), reply="250\r\nok"))

    told = json.loads(text)
    assert "\n" not in text
    assert (told["level"], told["message"], told["reply"]) == ("info", "it failed", "250\r\nok")
    assert told["traceback"].endswith("ValueError: of\nlines")


@pytest.mark.xdist_group("house")
def test_a_message_is_followed_by_its_id_and_no_secret_is_told(house):
    message_id = house.submit(house.message("logs@sim.test"))

    def told(name):
        return [line for line in house.log(name).splitlines() if message_id in line]

    eventually(lambda: told("standard"))
    assert "accepted" in told("submission")[0]
    assert "recipient=logs@sim.test attempt=1 state=delivered" in told("standard")[0]
    for name in ("submission", "standard", "priority", "beat", "simulator"):
        assert house.demo["smtp_password"] not in house.log(name)
        assert house.demo["login_password"] not in house.log(name)
