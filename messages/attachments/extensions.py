r"""Say whether a file name ends as a program does, for whatever system may save it.

Windows drops dots and blanks at the end and opens `a.exe::$DATA` as `a.exe`, C programs stop at a
NUL, and wide letters become plain ones where a name is brought into an old code page.
"""

import re
import unicodedata
from collections.abc import Iterator

FORBIDDEN = (
    "vbs|exe|bin|bat|chm|com|hta|pif|reg|vbe|vba|msc|msi|scr|js|jse|wsf|wsh|ps1|cmd|cpl|jar|lnk"
)

# What a file system or a client drops, or takes for the end of the name.
_JUNK = " .'\"`;,<>?*|/\\:\t\r\n\xa0\u3000\uff0e\u3002"
_FORBIDDEN = re.compile(
    # Behind a colon, the name of a stream of the file (NTFS), in which no blank is likely.
    rf"\.(?:{FORBIDDEN})(?:[\s.]*+\Z|:[^\s/]*+\Z)",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
# Characters that nobody sees: controls, formats (Cf), selectors and fillers (Unicode UAX #44).
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffd\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_LONGEST_TAIL = 300  # characters: file names have 255 at the most
_MOST_PIECES = 3
_MOST_SHOWN = 80


def forbidden(name: str) -> str | None:
    """Return the name as one can show it if it is forbidden, or None."""
    for reading in _readings(name):
        if _FORBIDDEN.search(reading):
            return _shown(reading)
    return None


def _readings(name: str) -> Iterator[str]:
    if name.isascii() and name.isprintable():
        yield _tail(name)
        return
    yield unicodedata.normalize("NFKC", _tail(_UNSEEN.sub("", name)))
    if _CONTROL.search(name):
        for piece in _CONTROL.split(name, _MOST_PIECES):
            yield unicodedata.normalize("NFKC", _tail(_UNSEEN.sub("", piece)))


def _tail(name: str) -> str:
    return name.rstrip(_JUNK)[-_LONGEST_TAIL:]


def _shown(name: str) -> str:
    text = "".join(letter for letter in name if letter.isprintable()).strip()
    if len(text) <= _MOST_SHOWN:
        return text
    # The end is what it is about.
    return f"{text[:37]}...{text[-40:]}"
