"""Read the names that the fields of a part give to it (RFC 2045 §5.1, RFC 2183 §2.3, RFC 2231).

Each field is read in several ways, as no two clients agree on what is not quite right.
"""

import re
from collections.abc import Iterator

from messages.attachments.encodings import decode_charset, decode_percent, decode_words, plain
from messages.attachments.limits import MAX_NAME, Budget, limit_field, limit_name

Fields = list[tuple[bytes, bytes]]  # name in lower case, value with its folds
Piece = tuple[int, bool, bytes]  # number, whether its percent signs are an encoding, value

# Wherever it stands: behind a forgotten semicolon, a quote without an end, a second time. Not
# within an URL, though, nor at the end of a longer word.
_PARAMETER = re.compile(
    rb"(?<![\w?&/.%=-])(filename|name)[ \t]*+(?:\*[ \t]*+(\d{1,20}+))?[ \t]*+(\*)?[ \t]*+=[ \t]*+",
    re.IGNORECASE,
)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"|\Z|\\\Z)', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LOOSE = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"?|[^;"])*+', re.DOTALL)
_NEXT_QUOTE = re.compile(rb'"[ \t]*+(?:"[ \t]*+)?')
_NEXT_PARAMETER = re.compile(rb";[ \t]*+[\w*.-]{1,60}+[ \t]*+=")
_EXTENDED = re.compile(rb"([^']{0,60})'[^']{0,60}'(.*)", re.DOTALL)

_FOLD = re.compile(rb"[\r\n]+")
_FOLD_WITH_BLANKS = re.compile(rb"[\r\n]+[ \t]*+")
_OF_COMMENTS = re.compile(rb'\\.|["()]|[^\\"()]++|\\', re.DOTALL)

_SCHEME = re.compile(r"([a-z][a-z0-9+-]*):", re.IGNORECASE)
_END_OF_PATH = re.compile(r"[?#]")
_WITH_PATHS = ("http", "https", "ftp", "file")


def names(fields: Fields, budget: Budget) -> Iterator[str]:
    """Return every name that a client could read out of the fields of one part."""
    for field, value in fields:
        if field in (b"content-type", b"content-disposition"):
            if b"name" in value.lower():
                limit_field(value)
                yield from _names_in_parameters(value, budget)
        elif field == b"content-description":
            yield from _described(value)
        elif field == b"content-location":
            yield from _located(value, fields)


def _names_in_parameters(value: bytes, budget: Budget) -> Iterator[str]:
    unfolded = _FOLD.sub(b"", value)
    # Some clients drop the blank of a fold as well, which joins a name that was folded inside.
    readings = [unfolded, _FOLD_WITH_BLANKS.sub(b"", value)]
    if b"(" in unfolded:
        readings += [_without_comments(reading) for reading in readings]
    for reading in dict.fromkeys(readings):
        yield from _names_in_line(reading, budget)


def _without_comments(line: bytes) -> bytes:
    """Leave out what stands in parentheses, but for those in quotes (RFC 822 §3.4.3)."""
    kept = []
    depth, is_quoted = 0, False
    for token in _OF_COMMENTS.findall(line):
        if token == b'"' and depth == 0:
            is_quoted = not is_quoted
        if token == b"(" and not is_quoted:
            depth += 1
        if depth == 0:
            kept.append(token)
        if token == b")" and not is_quoted and depth:
            depth -= 1
    return b"".join(kept)


def _names_in_line(line: bytes, budget: Budget) -> Iterator[str]:
    pieces: dict[bytes, list[Piece]] = {}
    for parameter in _PARAMETER.finditer(line):
        budget.spend("names of parts")
        rest = line[parameter.end() : parameter.end() + 2 * MAX_NAME]
        budget.spend("octets behind names", len(rest))
        values = list(dict.fromkeys(_values(rest)))
        limit_name(values[0])
        attribute, number, star = parameter.groups()
        if number is not None:
            piece = (int(number), star is not None, values[0])
            pieces.setdefault(attribute.lower(), []).append(piece)
            continue
        for value in values:
            yield from _extended(value) if star else _readings(value)
    for pieces_of_one in pieces.values():
        yield from _continued(pieces_of_one)


def _values(rest: bytes) -> Iterator[bytes]:
    """Return what could be the value at the start of a text, the most likely one first."""
    loose = _LOOSE.match(rest)
    until_semicolon = loose[0].strip() if loose else b""
    quoted = _QUOTED.match(rest)
    if quoted is None:
        yield until_semicolon.replace(b'"', b"")
        yield from rest.split(None, 1)[:1]
        yield rest.partition(b";")[0]
        yield _NEXT_PARAMETER.split(rest, maxsplit=1)[0]
        return
    yield _ESCAPED.sub(rb"\1", quoted[1])
    yield quoted[1]
    # A backslash that quotes nothing, as in a path; a quote without an end.
    yield rest[1:].partition(b'"')[0]
    yield rest[1:].partition(b";")[0]
    if until_semicolon != quoted[0]:
        yield until_semicolon.replace(b'"', b"")
        yield _NEXT_QUOTE.sub(b"", until_semicolon)


def _readings(value: bytes) -> Iterator[str]:
    """Return what a plain value could mean."""
    yield plain(value)
    if b"=?" in value:
        text = decode_words(value)
        yield text
        if "=?" in text:
            yield decode_words(text.encode("utf-8", "replace"))
    if b"%" in value:
        yield plain(decode_percent(value))


def _extended(value: bytes) -> Iterator[str]:
    """Return what a value with a charset could mean (RFC 2231 §4)."""
    yield from _readings(value)
    if written := _EXTENDED.fullmatch(value):
        charset, text = written.groups()
        octets = decode_percent(text)
        yield decode_charset(octets, charset.decode("latin-1").lower())
        yield from _readings(octets)


def _continued(pieces: list[Piece]) -> Iterator[str]:
    """Return what the pieces of a long value could mean together (RFC 2231 §3)."""
    in_order = sorted(pieces, key=lambda piece: piece[0])
    last_of_each = list({piece[0]: piece for piece in in_order}.values())
    first_of_each = list({piece[0]: piece for piece in reversed(in_order)}.values())[::-1]
    until_gap = [
        piece for place, piece in enumerate(first_of_each) if piece[0] == in_order[0][0] + place
    ]
    for chosen in (in_order, pieces, last_of_each, first_of_each, until_gap):
        yield from _extended(b"".join(value for _, _, value in chosen))
        # Here a percent sign stands for itself where the piece bears no star.
        octets = b"".join(decode_percent(value) if star else value for _, star, value in chosen)
        yield from _readings(octets)
        if written := _EXTENDED.fullmatch(octets):
            yield decode_charset(written[2], written[1].decode("latin-1").lower())


def _described(value: bytes) -> Iterator[str]:
    """Return a description that is the name of a file; some clients show it as one."""
    text = decode_words(_FOLD.sub(b"", value)[:MAX_NAME]).strip()
    # In free text, what ends in .com is the name of a site.
    if not any(letter.isspace() for letter in text) and not text.lower().endswith(".com"):
        yield text


def _located(value: bytes, fields: Fields) -> Iterator[str]:
    """Return the last step of a Content-Location (RFC 2557 §4), by which some clients save."""
    kind = b" ".join(value for field, value in fields if field == b"content-type").lower()
    if b"text/" in kind or b"multipart/" in kind:
        return  # the address of a page, which is shown and not saved
    path = _END_OF_PATH.split(decode_words(_FOLD.sub(b"", value)[:MAX_NAME]).strip(), maxsplit=1)[0]
    if scheme := _SCHEME.match(path):
        if scheme[1].lower() not in _WITH_PATHS:
            return
        path = path[scheme.end() :].lstrip("/").partition("/")[2]
    if not path.lower().endswith(".com"):
        yield from _readings(path.encode("utf-8", "replace"))
