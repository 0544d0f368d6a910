"""Read a URL as a browser does: out of an attribute (WHATWG HTML §13.2.5), into an address.

What is not surely an http or https address that we can lead to stays as it is in the mail.
"""

import re
from html import unescape as unescape_number
from html.entities import html5
from urllib.parse import quote

import idna

from events.tracking import MAX_URL

# In an attribute a name without its semicolon counts only if nothing follows that could be part
# of a query: &copy=1 is no ©.
REFERENCE = re.compile(r"&(?:#(?:[xX][0-9a-fA-F]+|[0-9]+);?|[a-zA-Z][a-zA-Z0-9]*+(?:;|(?![=;])))")
# White space around a URL does not count, nor do tabs and line ends in it.
AROUND = "".join(map(chr, range(33)))
WITHIN = str.maketrans("", "", "\t\n\r")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Of a host only what every reader takes for one.
URL = re.compile(
    r"(https?://(?:[^/?#@\\]*@)?)([^/?#@\\\s<>^`{|}\"%]+)((?:[/?#\\].*)?)",
    re.IGNORECASE | re.DOTALL,
)
# What templates leave behind when nobody has filled them in.
LEFTOVER = re.compile(r"\{\{|\}\}|\{%|\$\{|<%|%%|\*\||\[\[")
# All that may stand in a header; a browser encodes what else needs it, as it would have done.
AS_IT_IS = "".join(map(chr, range(33, 127)))


def unescape(value: str) -> str:
    """Return what the value of an attribute stands for."""
    return REFERENCE.sub(_referred, value) if "&" in value else value


def _referred(reference: re.Match[str]) -> str:
    written = reference[0]
    if written[1] == "#":
        # Nothing comes of a number that is no character; a browser keeps something unreadable.
        return unescape_number(written) or "\0"
    return html5.get(written[1:], written)


def as_browser_sees(value: str, is_utf8: bool) -> str:
    """Return where a link leads, in ASCII. "": it is none that we track.

    `is_utf8`: whether the HTML is. Elsewhere readers differ about what is not ASCII: a browser
    writes a query in the encoding of the page, and webmail has made another one of it.
    """
    value = value.strip(AROUND).translate(WITHIN)
    url = URL.fullmatch(value)
    if url is None or CONTROL.search(value) or LEFTOVER.search(value):
        return ""
    if not is_utf8 and not value.isascii():
        return ""
    begin, host, rest = url.groups()
    try:
        if not host.isascii():
            host = _a_labels(host)
        address = _encoded(begin) + host + _encoded(rest)
    except UnicodeError:  # idna's errors are such too
        return ""
    return address if len(address) <= MAX_URL else ""


def _a_labels(host: str) -> str:
    name, colon, port = host.partition(":")
    return idna.encode(name, uts46=True).decode("ascii") + colon + port


def _encoded(part: str) -> str:
    return quote(part, safe=AS_IT_IS)
