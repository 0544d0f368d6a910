"""Make each recipient's own copy of a message: with links and a pixel that know whose it is.

A message is read once, however many copies are made. A copy is the same on every attempt.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from events import tracking
from messages import header
from messages.header import Field
from messages.seven_bit.mime import CRLF
from messages.tracked import html, parts
from messages.tracked.html import Place
from messages.tracked.parts import HtmlPart, Piece

# In sight of nobody, but not hidden: some programs do not fetch what is.
PIXEL = '<img src="%s" width="1" height="1" alt="" style="border:0">'
# RFC 8058 §3.1; the signature covers both.
WAY_OUT = b"List-Unsubscribe: <%b>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click"
ADDRESS = re.compile(r"<\s*([^<>\s]+)\s*>")


@dataclass(frozen=True, slots=True)
class Marked:
    """An HTML text of a message, and what of it differs from copy to copy."""

    part: HtmlPart
    places: list[Place]

    def copy(self, recipient_id: int) -> bytes:
        return self.part.with_text("".join(self._pieces(recipient_id)))

    def _pieces(self, recipient_id: int) -> Iterator[str]:
        text, at = self.part.text, 0
        for place in self.places:
            yield text[at : place.start]
            if place.url:
                yield tracking.click_url(recipient_id, place.url)
            else:
                yield PIXEL % tracking.pixel_url(recipient_id)
            at = place.end
        yield text[at:]


class Original:
    """A message that copies are made of."""

    def __init__(self, content: bytes, *, opens: bool, clicks: bool, unsubscribe: bool) -> None:
        """Read a content as it is stored, to track what is asked for. Raises HeaderError."""
        fields, body = header.split(content)
        # A message that has a way of its own keeps it.
        self._gets_way_out = unsubscribe and not header.find(fields, b"list-unsubscribe")
        self._pieces: list[bytes | Marked] = [content]
        if opens or clicks:
            spared = _ways_out(fields)
            self._pieces = list(_marked(parts.cut(fields, body), opens, clicks, spared))

    def copy(self, recipient_id: int) -> bytes:
        """Return a recipient's copy, ready to be signed."""
        copy = b"".join(
            piece.copy(recipient_id) if isinstance(piece, Marked) else piece
            for piece in self._pieces
        )
        if self._gets_way_out:
            head, blank, body = copy.partition(CRLF + CRLF)
            way_out = WAY_OUT % tracking.unsubscribe_url(recipient_id).encode()
            copy = b"".join((head, CRLF, way_out, blank, body))
        return copy


def _marked(
    pieces: list[Piece], opens: bool, clicks: bool, spared: set[str]
) -> Iterator[bytes | Marked]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        places = html.places(piece.text, opens=opens, clicks=clicks, is_utf8=piece.is_utf8)
        tracked = [one for one in places if one.url not in spared and not tracking.is_ours(one.url)]
        yield Marked(piece, tracked)
        # One pixel a message, in the text that is shown first.
        opens = False


def _ways_out(fields: list[Field]) -> set[str]:
    """Return the addresses at which the message itself lets its recipients unsubscribe."""
    return {
        address
        for field in header.find(fields, b"list-unsubscribe")
        for address in ADDRESS.findall(field.text)
    }
