"""Make plain text of HTML: enough to find addresses and words in it, in linear time."""

import html
import re

_INVISIBLE = re.compile(r"<(/?)(?:style|script|title)\b[^<>]*+>", re.IGNORECASE)
_BREAK = re.compile(
    r"</?(?:br|p|div|tr|td|th|table|h[1-6]|li|ul|ol|pre|hr|blockquote)\b[^<>]*+>", re.IGNORECASE
)
# An address that nobody escaped is no tag.
_TAG = re.compile(r"<(?![^<>@\s]{1,254}@[^<>@\s]{1,254}>)[^<>]*+>")


def plain(text: str) -> str:
    """Return what a person would read."""
    shown = []
    position, is_visible = 0, True
    for tag in _INVISIBLE.finditer(text):
        if is_visible:
            shown.append(text[position : tag.start()])
        position, is_visible = tag.end(), bool(tag[1])
    if is_visible:
        shown.append(text[position:])
    broken = _BREAK.sub("\n", " ".join("".join(shown).split(" ")))
    return html.unescape(_TAG.sub("", broken)).replace("\xa0", " ")
