"""Read what a submission asks of us beside delivery: class, tags, tracking, test mode, its key.

SMTP says it in header fields, REST in fields of its own; the rules are the same.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.message_class import BY_NAME, MessageClass
from domains.addresses import excerpt
from messages import header
from messages.header import Field
from messages.refusals import Cause, Refused

CLASS_HEADER = b"x-cloudmta-class"
TAGS_HEADER = b"x-cloudmta-tags"
METADATA_HEADER = b"x-cloudmta-metadata"
TEST_HEADER = b"x-cloudmta-test"
OPENS_HEADER = b"x-cloudmta-track-opens"
CLICKS_HEADER = b"x-cloudmta-track-clicks"
UNSUBSCRIBE_HEADER = b"x-cloudmta-unsubscribe"
KEY_HEADER = b"x-cloudmta-idempotency-key"
OUR_PREFIX = b"x-cloudmta-"

MAX_TAGS = 20
MAX_TAG_LENGTH = 64
# It comes back in each event, so it is for a few ids, not for documents.
MAX_METADATA = 4096  # characters of JSON
MAX_KEY_LENGTH = 256

TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Options:
    """What one message asks for; a None or nothing leaves it to the usual."""

    message_class: MessageClass | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, object] = field(default_factory=dict)
    is_test: bool = False
    idempotency_key: str = ""
    track_opens: bool | None = None
    track_clicks: bool | None = None
    unsubscribe: bool = False  # offer to, by one click (RFC 8058)

    def over(self, other: "Options") -> "Options":
        """Return both together; what is said here goes before what the other says."""
        return Options(
            message_class=other.message_class if self.message_class is None else self.message_class,
            tags=tuple(dict.fromkeys(self.tags + other.tags)),
            metadata=other.metadata | self.metadata,
            is_test=self.is_test or other.is_test,
            idempotency_key=self.idempotency_key or other.idempotency_key,
            track_opens=other.track_opens if self.track_opens is None else self.track_opens,
            track_clicks=other.track_clicks if self.track_clicks is None else self.track_clicks,
            unsubscribe=self.unsubscribe or other.unsubscribe,
        )


NOTHING = Options()


def read(fields: list[Field]) -> Options:
    """Return what the x-cloudmta- fields of a header ask for. Raises Refused."""
    if not any(one.name.startswith(OUR_PREFIX) for one in fields):
        return NOTHING
    return Options(
        message_class=_message_class(fields),
        tags=_tags(fields),
        metadata=_metadata(fields),
        is_test=bool(_truth(fields, TEST_HEADER, Cause.INVALID_TEST_MODE)),
        idempotency_key=_idempotency_key(fields),
        track_opens=_truth(fields, OPENS_HEADER, Cause.INVALID_TRACKING),
        track_clicks=_truth(fields, CLICKS_HEADER, Cause.INVALID_TRACKING),
        unsubscribe=bool(_truth(fields, UNSUBSCRIBE_HEADER, Cause.INVALID_UNSUBSCRIBE)),
    )


def _message_class(fields: list[Field]) -> MessageClass | None:
    names = {one.text.lower() for one in header.find(fields, CLASS_HEADER)}
    if not names:
        return None
    name = names.pop()
    if names or name not in BY_NAME:
        raise Refused(
            Cause.INVALID_CLASS,
            f"x-cloudmta-class must be one of {', '.join(BY_NAME)}, not {excerpt(name)}",
        )
    return BY_NAME[name]


def _tags(fields: list[Field]) -> tuple[str, ...]:
    pieces = (piece for one in header.find(fields, TAGS_HEADER) for piece in one.text.split(","))
    return checked_tags(pieces)


def checked_tags(names: Iterable[str]) -> tuple[str, ...]:
    """Return tags without needless blanks, each once, in their order. Raises Refused."""
    tags = dict.fromkeys(filter(None, (re.sub(r"\s+", " ", name).strip() for name in names)))
    if len(tags) > MAX_TAGS:
        raise Refused(Cause.INVALID_TAGS, f"{len(tags)} tags were given; {MAX_TAGS} are allowed")
    for tag in tags:
        if len(tag) > MAX_TAG_LENGTH:
            raise Refused(
                Cause.INVALID_TAGS,
                f"The tag {excerpt(tag)} is longer than {MAX_TAG_LENGTH} characters",
            )
    return tuple(tags)


def _metadata(fields: list[Field]) -> dict[str, object]:
    found = header.find(fields, METADATA_HEADER)
    if not found:
        return {}
    if len(found) > 1:
        raise Refused(Cause.INVALID_METADATA, "The header has more than one x-cloudmta-metadata")
    try:
        value = json.loads(found[0].text)
    except (ValueError, RecursionError):
        raise Refused(
            Cause.INVALID_METADATA, "x-cloudmta-metadata cannot be read as JSON"
        ) from None
    return checked_metadata(value)


def checked_metadata(value: object) -> dict[str, object]:
    """Return metadata as it can be stored and sent back. Raises Refused."""
    if not isinstance(value, dict):
        raise Refused(Cause.INVALID_METADATA, 'Metadata must be a JSON object: {"order": "4711"}')
    try:
        text = json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        raise Refused(Cause.INVALID_METADATA, "Metadata holds a number out of range") from None
    if len(text) > MAX_METADATA:
        raise Refused(
            Cause.INVALID_METADATA, f"Metadata is longer than {MAX_METADATA} characters of JSON"
        )
    # Characters that no database keeps: NUL, and halves of surrogate pairs.
    if re.search(r"\\u(?:0000|d[89a-f]..)", _without_pairs(text)):
        raise Refused(Cause.INVALID_METADATA, "Metadata holds a character that is no text")
    return value


def _without_pairs(text: str) -> str:
    """Return JSON without its escaped backslashes and whole surrogate pairs."""
    return re.sub(r"\\\\|\\ud[89ab]..\\ud[c-f]..", "", text)


def _truth(fields: list[Field], name: bytes, cause: Cause) -> bool | None:
    """Return what a field that is true or false says; None where there is none."""
    words = {one.text.lower() for one in header.find(fields, name)}
    if not words:
        return None
    word = words.pop()
    if words or word not in TRUTH:
        raise Refused(cause, f"{name.decode()} must be true or false, not {excerpt(word)}")
    return TRUTH[word]


def _idempotency_key(fields: list[Field]) -> str:
    found = header.find(fields, KEY_HEADER)
    if len(found) > 1:
        raise Refused(Cause.INVALID_KEY, "The header has more than one x-cloudmta-idempotency-key")
    return checked_key(found[0].text) if found else ""


def checked_key(key: str) -> str:
    """Return an idempotency key. Raises Refused."""
    if not key or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise Refused(
            Cause.INVALID_KEY,
            f"An idempotency key must have 1 to {MAX_KEY_LENGTH} printable characters",
        )
    return key
