"""Find the links of an HTML text, and the place for a pixel, as a browser would (HTML §13.2).

Text in, places out; whatever is not one of these places is never looked into, and never changes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from messages.tracked.urls import as_browser_sees, unescape

# A link that bears this attribute is left alone.
NO_TRACK = "data-cloudmta-no-track"

# White space of HTML. Everything below is possessive, so that time is linear; groups that capture
# stand outside of what is possessive, which some releases of Python 3.11 cannot do together.
_WS = r"[ \t\n\f\r]"
_NAME = r"[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+"
_VALUE = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+)"""
_ATTRIBUTES = rf"(?:[ \t\n\f\r/]*+{_NAME}(?:{_WS}*+={_WS}*+{_VALUE})?+)*+[ \t\n\f\r/]*+"
_ENDS_NAME = r"(?=[ \t\n\f\r/>])"
# Elements whose content is text, whatever it looks like.
_RAW = "|".join(
    rf"<{raw}{_ENDS_NAME}{_ATTRIBUTES}(?:>[^<]*+(?:<(?!/{raw}{_ENDS_NAME})[^<]*+)*+|\Z)"
    for raw in ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"]
)
_COMMENT = r"<!--(?:-?>|.*?(?:--!?>|\Z))"
_BOGUS_COMMENT = r"<(?:[!?]|/(?![a-z]))[^>]*+(?:>|\Z)"
_OTHER_TAG = (
    rf"<(?!(?:a|area|/body|/html){_ENDS_NAME})/?+[a-z][^ \t\n\f\r/>]*+{_ATTRIBUTES}(?:>|\Z)"
)
_UNFINISHED = rf"<(?:a|area|/body|/html){_ENDS_NAME}{_ATTRIBUTES}\Z"
_NOTHING = "|".join(
    ("[^<]++", _COMMENT, _RAW, _BOGUS_COMMENT, _OTHER_TAG, _UNFINISHED, "<(?![a-z/!?])")
)
PIECE = re.compile(
    rf"(?:{_NOTHING})++"
    rf"|<(?:a|area){_ENDS_NAME}(?P<link>{_ATTRIBUTES})>"
    rf"|</(?P<end>body|html){_ENDS_NAME}{_ATTRIBUTES}>",
    re.IGNORECASE | re.DOTALL,
)
ATTRIBUTE = re.compile(rf"(?P<name>{_NAME})(?:{_WS}*+={_WS}*+(?P<value>{_VALUE}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a text that is to be replaced: a URL as its attribute has it, or nothing."""

    start: int
    end: int
    url: str = ""  # where it leads; "": here is the place for the pixel


def places(html: str, *, opens: bool, clicks: bool, is_utf8: bool) -> list[Place]:
    """Return what is to be replaced, in the order of the text.

    `is_utf8`: what the text is encoded in, on which the meaning of some URLs depends.
    """
    found: list[Place] = []
    ends: dict[str, int] = {}
    for piece in PIECE.finditer(html):
        if piece["end"]:
            ends[piece["end"].lower()] = piece.start()
        elif clicks and piece["link"]:
            found += _link(html, *piece.span("link"), is_utf8)
    if opens:
        at = ends.get("body", ends.get("html", len(html.rstrip())))
        found.append(Place(at, at))
    return sorted(found, key=lambda place: place.start)


def _link(html: str, start: int, end: int, is_utf8: bool) -> Iterator[Place]:
    """Give the place of a link's URL, if it is one that we track."""
    seen: set[str] = set()
    place = None
    for attribute in ATTRIBUTE.finditer(html, start, end):
        name = attribute["name"].lower()
        # Of an attribute that stands twice, the first one counts.
        if name == "href" and name not in seen and attribute["value"]:
            at, until = attribute.span("value")
            if html[at] in "\"'":
                at, until = at + 1, until - 1
            place = Place(at, until, as_browser_sees(unescape(html[at:until]), is_utf8))
        seen.add(name)
    if place and place.url and NO_TRACK not in seen:
        yield place
