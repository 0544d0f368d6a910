"""Read JSON (RFC 8259) as it is meant: UTF-8, no NaN, no name twice, neither depth nor number
of values without end."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from accounts.rest import problems

# Deeper than any request of ours needs, and more values: two octets can become sixty in memory.
MAX_DEPTH, MAX_VALUES = 32, 500_000
# Longer than any number means something; from 4300 digits on, Python reads none.
MAX_DIGITS = 1000
# What PostgreSQL keeps in no text: NUL, and halves of surrogate pairs (RFC 8259 §8.2).
UNKEEPABLE = re.compile("[\0\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """The body of a request, for views."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        return read(stream.read())


def read(octets: bytes) -> Any:
    """Return the value. Raises ParseError, or Problem where a string holds what we cannot keep."""
    try:
        text = octets.decode()
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8 at octet {error.start}") from None
    _limit_structure(text)
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ParseError(f"The body is not JSON at {where}: {error.msg}") from None
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}") from None
    # Such characters only come as escapes: UTF-8 has no lone surrogates, and JSON no bare NUL.
    if "\\u" in text and (errors := list(islice(_unkeepable(value, ""), problems.MAX_LISTED))):
        raise problems.invalid(errors)
    return value


def _limit_structure(text: str) -> None:
    """Refuse what nests too deep or holds too many values; what stands in strings is none."""
    if text.count("[") + text.count("{") <= MAX_DEPTH and text.count(",") < MAX_VALUES:
        return
    depth, values = 0, 1
    for token in _MARKS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case ",":
                values += 1
        if depth > MAX_DEPTH:
            raise ParseError(f"The body nests deeper than {MAX_DEPTH} levels")
        if values > MAX_VALUES:
            raise ParseError(f"The body holds more than {MAX_VALUES} values")


# A string as a whole, or a mark outside of one. Possessive: linear whatever comes.
_MARKS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name in counts if counts[name] > 1)
        raise ValueError(f"the name {json.dumps(twice[:100])} comes twice in one object")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too great")
    return number


def _short(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    return int(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=_once_each, parse_constant=_no_constant, parse_float=_finite, parse_int=_short
)


def _unkeepable(value: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Yield a fault for each string that has a character which we cannot keep."""
    if isinstance(value, str) and UNKEEPABLE.search(value):
        detail = "This holds NUL or half of a surrogate pair"
        yield {"pointer": pointer, "code": "invalid", "detail": detail}
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unkeepable(inner, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if UNKEEPABLE.search(name):
                detail = "A name in this object holds NUL or half of a surrogate pair"
                yield {"pointer": pointer, "code": "invalid", "detail": detail}
            else:
                yield from _unkeepable(inner, f"{pointer}/{problems.escape(name)}")
