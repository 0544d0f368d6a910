"""Read the JSON of one message to be sent, in the fields that docs/api.md lists.

Values in, an Order out; all that is wrong with them comes out together, as one FieldError.
"""

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from accounts.message_class import BY_NAME, MessageClass
from domains import addresses
from domains.addresses import Mailbox, excerpt
from messages import composer, header
from messages.json_fields import JsonFields
from messages.letters.letter import (
    Attachment,
    FieldError,
    Letter,
    Problem,
    read_author,
    read_mailboxes,
)
from messages.letters.media_types import media_type
from messages.options import Options, checked_metadata, checked_tags

FIELDS = frozenset(
    (
        *("from", "to", "cc", "bcc", "reply_to", "subject", "plain", "html", "markdown", "raw"),
        *("headers", "attachments", "priority", "tags", "metadata", "test_mode", "send_at"),
        *("track_opens", "track_clicks", "unsubscribe"),
        # Releases of the Go client before 2026-02-08 spell it so.
        "priorty",
        # In answers only; but who sends an answer again, as Go programs do, sends it too.
        "id",
    )
)
ATTACHMENT_FIELDS = frozenset(("file_name", "content", "content_type", "content_id"))
# Fields that are in a raw message already.
NOT_WITH_RAW = ("plain", "html", "markdown", "reply_to", "headers", "attachments")

# Every message of this door has it, beyond the number of tags that one may give.
OUR_TAG = "api"
# Each costs some octets of JSON; nobody means well with more. Twenty tags have 1,300 characters.
MAX_ATTACHMENTS, MAX_TAGS_GIVEN = 100, 10_000
MAX_DELAY = timedelta(hours=72)
# A clock may be slow, and a request may have waited: what was due so lately leaves at once.
MAX_LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Order:
    """A message as a request asks for it."""

    author: Mailbox
    to: list[Mailbox]
    cc: list[Mailbox]
    bcc: list[Mailbox]
    options: Options
    send_at: datetime | None
    compose: Callable[[], bytes]  # makes the content; raises FieldError


def read(body: object) -> Order:
    """Return what the body of a request asks for. Raises FieldError."""
    if not isinstance(body, dict):
        raise FieldError([Problem("", "invalid", "A message must be a JSON object")])
    fields = JsonFields(body)
    fields.refuse_others(FIELDS)
    author = _author(fields)
    to, cc, bcc = (_mailboxes(fields, name) for name in ("to", "cc", "bcc"))
    if not to and not fields.has_refused("to"):
        fields.refuse("/to", "required", "There must be at least one recipient in to")
    options = _options(fields)
    send_at = _send_at(fields)
    write = _raw if fields.text("raw") else _letter
    compose = write(fields, author or Mailbox("", "", ""), to, cc)
    fields.settle()
    assert author  # or there would be a problem
    return Order(author, to, cc, bcc, options, send_at, compose)


def _author(fields: JsonFields) -> Mailbox | None:
    value = fields.text("from")
    if not fields.has("from"):
        fields.refuse("/from", "required", "There must be a sender in from")
    if value is None:
        return None
    return fields.collect(partial(read_author, value))


def _mailboxes(fields: JsonFields, name: str) -> list[Mailbox]:
    value = fields.texts(name) or []
    pointer = fields.pointer(name)
    # A field of a header is no longer either; an empty string costs as much as a short one.
    if not isinstance(value, str) and len(value) + sum(map(len, value)) > addresses.MAX_LENGTH:
        text = f"The addresses in {name} are longer than {addresses.MAX_LENGTH} characters"
        fields.refuse(pointer, "invalid", text)
        return []
    return fields.collect(partial(read_mailboxes, value, pointer)) or []


def _options(fields: JsonFields) -> Options:
    metadata = fields.object("metadata")
    return Options(
        message_class=_message_class(fields),
        tags=(*_tags(fields), OUR_TAG),
        metadata=fields.collect(lambda: checked_metadata(metadata)) or {},
        is_test=bool(fields.flag("test_mode")),
        track_opens=fields.flag("track_opens"),
        track_clicks=fields.flag("track_clicks"),
        unsubscribe=bool(fields.flag("unsubscribe")),
    )


def _tags(fields: JsonFields) -> tuple[str, ...]:
    tags = fields.texts("tags") or []
    if len(tags) > MAX_TAGS_GIVEN:
        text = f"The tags are more than {MAX_TAGS_GIVEN} names, or characters"
        fields.refuse("/tags", "invalid", text)
        return ()
    names = tags.split(",") if isinstance(tags, str) else tags
    return fields.collect(lambda: checked_tags(one for one in names if one != OUR_TAG)) or ()


def _message_class(fields: JsonFields) -> MessageClass | None:
    given = {name: fields.text(name) for name in ("priority", "priorty")}
    names = {value.lower() for value in given.values() if value}
    if not names:
        return None
    pointer = "/priority" if given["priority"] else "/priorty"
    if len(names) > 1:
        fields.refuse(pointer, "mismatch", "priority and priorty do not say the same")
        return None
    name = names.pop()
    if name not in BY_NAME:
        text = f"The priority must be one of {', '.join(BY_NAME)}, not {excerpt(name)}"
        fields.refuse(pointer, "invalid", text)
    return BY_NAME.get(name)


def _send_at(fields: JsonFields) -> datetime | None:
    text = fields.text("send_at")
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = datetime.min
    if when.tzinfo is None:
        fields.refuse("/send_at", "invalid", "send_at must look like 2026-11-24T12:00:00+01:00")
    elif when > now + MAX_DELAY:
        fields.refuse("/send_at", "invalid", "send_at must be within the next 72 hours")
    elif when < now - MAX_LATE:
        fields.refuse("/send_at", "invalid", "send_at is past")
    elif when > now:
        return when.astimezone(UTC)
    return None


def _raw(
    fields: JsonFields, author: Mailbox, to: list[Mailbox], cc: list[Mailbox]
) -> Callable[[], bytes]:
    for name in NOT_WITH_RAW:
        if fields.has(name):
            fields.refuse(fields.pointer(name), "forbidden", f"Give either raw or {name}, not both")
    raw, subject = fields.text("raw") or "", fields.text("subject")
    return partial(composer.from_raw, raw, author, to, cc, subject)


def _letter(
    fields: JsonFields, author: Mailbox, to: list[Mailbox], cc: list[Mailbox]
) -> Callable[[], bytes]:
    letter = Letter(
        author=author,
        to=to,
        cc=cc,
        reply_to=_mailboxes(fields, "reply_to"),
        subject=fields.text("subject"),
        plain=fields.text("plain"),
        html=fields.text("html"),
        markdown=fields.text("markdown"),
        headers=_headers(fields),
        attachments=[_attachment(one) for one in fields.objects("attachments", MAX_ATTACHMENTS)],
    )
    return partial(composer.compose, letter)


def _headers(fields: JsonFields) -> list[tuple[str, str]]:
    """Return names and values; the Go client writes each value as an array."""
    given = JsonFields(fields.object("headers"), "/headers")
    headers: list[tuple[str, str]] = []
    for name in given.names():
        values = given.texts(name)
        for value in [values] if isinstance(values, str) else values or []:
            headers.append((name, value))
        if len(headers) + len(given.problems) > header.MAX_FIELDS:
            given.refuse("/headers", "invalid", f"There are more than {header.MAX_FIELDS} headers")
            break
    fields.problems += given.problems
    return headers


def _attachment(fields: JsonFields) -> Attachment:
    fields.refuse_others(ATTACHMENT_FIELDS)
    for name in ("content", "content_type"):
        if not fields.has(name):
            fields.refuse(fields.pointer(name), "required", f"An attachment must have a {name}")
    file_name = fields.text("file_name") or ""
    return Attachment(
        file_name=file_name,
        content=_octets(fields, fields.text("content") or ""),
        # The Go client leaves it empty when it reads a file.
        content_type=fields.text("content_type") or media_type(file_name),
        content_id=fields.text("content_id"),
    )


def _octets(fields: JsonFields, text: str) -> bytes:
    try:
        # Nothing but the alphabet and whole padding, in lines or in one (RFC 4648 §3.3).
        lines = text.replace("\r", "").replace("\n", "")
        return binascii.a2b_base64(lines, strict_mode=True)
    except ValueError:
        fields.refuse(fields.pointer("content"), "invalid", "The content is not Base64")
        return b""
