"""Write the texts and files of a letter as MIME entities (RFC 2045, 2046, 2183, 2387)."""

import secrets
from collections.abc import Iterable

from messages.letters import markdown
from messages.letters.letter import Attachment, Letter
from messages.seven_bit.bodies import encode_octets, encode_text
from messages.seven_bit.lines import is_seven_bit
from messages.seven_bit.parameters import encode_parameters
from messages.smtp.data import CRLF

# An entity: its MIME fields, the blank line, its body, in pieces that are joined only once.
Entity = list[bytes]


def write(letter: Letter) -> Entity:
    """Return the MIME fields of a letter and its body.

    Files with a Content-ID belong to the HTML, if there is any; all others follow the texts.
    """
    source = None if letter.html else letter.markdown
    html = markdown.to_html(source) if source else letter.html
    inline = [one for one in letter.attachments if html and one.content_id]
    attached = [one for one in letter.attachments if not (html and one.content_id)]

    texts = []
    if plain := letter.plain or letter.markdown:
        texts.append(_text(b"plain", plain))
    if html:
        texts.append(_related(_text(b"html", html), inline))
    body = texts[0] if len(texts) == 1 else _multipart(b"alternative", texts)
    if attached:
        body = _multipart(b"mixed", [body, *map(_file, attached)])
    return body if body[-1].endswith(CRLF) else [*body, CRLF]


def _text(subtype: bytes, text: str) -> Entity:
    body = with_crlf(text).encode()
    encoding = b"7bit"
    if not is_seven_bit(body):
        encoding, body = encode_text(body)
    return [
        b"Content-Type: text/%b; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: %b\r\n\r\n" % (subtype, encoding),
        body,
    ]


def with_crlf(text: str) -> str:
    """Return a text with the line ends of mail, whichever it came with."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def _related(html: Entity, inline: list[Attachment]) -> Entity:
    if not inline:
        return html
    return _multipart(b"related", [html, *map(_file, inline)], b'; type="text/html"')


def _multipart(subtype: bytes, entities: Iterable[Entity], parameters: bytes = b"") -> Entity:
    # Nobody can guess it, so it stands in no part. Quoted-printable never holds "=_".
    boundary = b"=_%b" % secrets.token_hex(16).encode()
    pieces = [
        b'Content-Type: multipart/%b%b;\r\n boundary="%b"\r\n' % (subtype, parameters, boundary)
    ]
    for entity in entities:
        pieces.append(b"\r\n--%b\r\n" % boundary)
        pieces += entity
    pieces.append(b"\r\n--%b--" % boundary)
    return pieces


def _file(attachment: Attachment) -> Entity:
    encoding, body = _encode(attachment)
    disposition = b"inline" if attachment.content_id else b"attachment"
    fields = (
        f"Content-Type: {attachment.content_type.strip()}\r\n".encode()
        + b"Content-Transfer-Encoding: %b\r\n" % encoding
        + b"Content-Disposition: %b%b\r\n" % (disposition, _file_name(attachment.file_name))
    )
    if attachment.content_id:
        fields += f"Content-ID: <{bare_content_id(attachment.content_id)}>\r\n".encode()
    return [fields + CRLF, body]


def _encode(attachment: Attachment) -> tuple[bytes, bytes]:
    if attachment.content_type.strip().lower().startswith("message/"):
        # A message in a message must not be encoded (RFC 2046 §5.2.1).
        return b"7bit", lf_to_crlf(attachment.content)
    return encode_octets(attachment.content)


def lf_to_crlf(content: bytes) -> bytes:
    """Return a message with the line ends of mail; a bare CR, which is none, stays."""
    return content.replace(CRLF, b"\n").replace(b"\n", CRLF)


def bare_content_id(content_id: str) -> str:
    """Return a Content-ID without white space and brackets around it."""
    bare = content_id.strip()
    return bare[1:-1] if bare.startswith("<") and bare.endswith(">") else bare


def _file_name(name: str) -> bytes:
    """Return the parameter `filename` in lines of its own, in ASCII (RFC 2231)."""
    if not name:
        return b""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').encode()
    parameter = encode_parameters(b'; filename="%b"' % escaped)
    # An encoded one has blanks only between its sections.
    return parameter.replace(b"; ", b";\r\n ") if not name.isascii() else b";\r\n" + parameter[1:]
