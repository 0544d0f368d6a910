"""Find everything in a letter that no message can be made of, and say which field it is in."""

import email.utils
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from domains.addresses import NOT_TEXT, AddressError, Mailbox, excerpt, parse_mailboxes
from messages.letters import markdown
from messages.letters.fields import ADDRESSES, MAX_WORD, WORD, must_encode_name
from messages.letters.letter import Attachment, Letter, Problem
from messages.letters.parts import bare_content_id, lf_to_crlf
from messages.seven_bit.fields import STRUCTURED
from messages.seven_bit.lines import is_seven_bit
from messages.smtp.data import has_only_crlf

# Characters in a subject, and in all headers together: encoded, they stay well below
# header.MAX_HEADER.
MAX_TEXT = 15_000
MAX_HEADERS = 500
MAX_DISPLAY_NAME = 1000  # characters
MAX_ATTACHMENTS = 100
MAX_FIELD_NAME = 76  # octets: what fits in a line
MAX_CONTENT_TYPE = MAX_CONTENT_ID = 500  # octets: each stands in one line
MAX_FILE_NAME = 255  # characters: what a file system takes

# Fields of a header that are fields of the request.
OWN_FIELDS = frozenset(("from", "to", "cc", "bcc"))
# What belongs to the structure of a message, or is written on its way.
NOT_GIVEN = frozenset(("mime-version", "received", "return-path", "resent-bcc", "dkim-signature"))
# What a message has once (RFC 5322 §3.6), of the fields that can be given.
ONLY_ONCE = frozenset(
    ("sender", "reply-to", "subject", "date", "message-id", "in-reply-to", "references")
)

FIELD_NAME = re.compile(r"[!-9;-~]+")  # ftext (RFC 5322 §3.6.8)
NOT_IN_FIELD = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
CONTENT_ID = re.compile(r"[!#-;=?-\[\]-~]+")
TOKEN = r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+"
CONTENT_TYPE = re.compile(
    rf"{TOKEN}/{TOKEN}(?:[ \t]*+;[ \t]*+{TOKEN}=(?:{TOKEN}|\"(?:[^\"\\]|\\.)*+\"))*+[ \t]*+;?"
)


def problems(letter: Letter) -> Iterator[Problem]:
    """Walk through all that is wrong with a letter, field by field."""
    yield from _people(letter)
    yield from subject(letter.subject)
    yield from _bodies(letter)
    yield from _headers(letter)
    yield from _attachments(letter)


def _people(letter: Letter) -> Iterator[Problem]:
    if not letter.to:
        yield Problem("/to", "required", "There must be at least one recipient in to")
    yield from _names([letter.author], "/from")
    yield from _names(letter.to, "/to")
    yield from _names(letter.cc, "/cc")
    yield from _names(letter.reply_to, "/reply_to")


def _names(mailboxes: Sequence[Mailbox], pointer: str) -> Iterator[Problem]:
    for mailbox in mailboxes:
        name = mailbox.display_name
        if NOT_TEXT.search(name) or NOT_TEXT.search(mailbox.address):
            yield Problem(pointer, "invalid", "An address must not hold control characters")
        elif len(name) > MAX_DISPLAY_NAME:
            text = f"The name {excerpt(name)} is longer than {MAX_DISPLAY_NAME} characters"
            yield Problem(pointer, "invalid", text)
        elif "@" in name and must_encode_name(name):
            # Encoded, it looks like an attempt to hide another address, and is refused as that.
            text = f'The name {excerpt(name)} must be shorter and ASCII to hold a "@"'
            yield Problem(pointer, "invalid", text)


def subject(text: str | None) -> Iterator[Problem]:
    """Walk through what is wrong with a subject."""
    if text is None:
        return
    if len(text) > MAX_TEXT:
        too_long = f"The subject is longer than {MAX_TEXT} characters"
        yield Problem("/subject", "invalid", too_long)
    elif NOT_IN_FIELD.search(text):
        yield Problem(
            "/subject", "invalid", "The subject must not hold line ends or control characters"
        )


def _bodies(letter: Letter) -> Iterator[Problem]:
    given = {"plain": letter.plain, "html": letter.html, "markdown": letter.markdown}
    if not any(given.values()):
        # Clients of the original service look for "body not found".
        yield Problem("/plain", "required", "Body not found: give plain, html or markdown")
    for name, text in given.items():
        if text and ("\0" in text or not _is_whole(text)):
            yield Problem(
                f"/{name}", "invalid", f"The field {name} holds a NUL or half a character"
            )
    if len(letter.markdown or "") > markdown.MAX_LENGTH:
        text = f"The field markdown is longer than {markdown.MAX_LENGTH} characters"
        yield Problem("/markdown", "invalid", text)
    elif markdown.has_too_many_cells(letter.markdown or ""):
        text = f"The tables in markdown could have more than {markdown.MAX_CELLS} cells"
        yield Problem("/markdown", "invalid", text)


def _is_whole(text: str) -> bool:
    try:
        text.encode()  # several times as fast as a search for surrogates
    except UnicodeEncodeError:
        return False
    return True


def _headers(letter: Letter) -> Iterator[Problem]:
    size = sum(len(name) + len(value) for name, value in letter.headers)
    if size > MAX_TEXT or len(letter.headers) > MAX_HEADERS:
        text = f"There are more than {MAX_HEADERS} headers, or {MAX_TEXT} characters in them"
        yield Problem("/headers", "invalid", text)
        return
    count = Counter(name.lower() for name, _ in letter.headers)
    if letter.reply_to:
        count["reply-to"] += 1
    for name, value in letter.headers:
        pointer, lower = f"/headers/{_escape(name)}", name.lower()
        if len(name) > MAX_FIELD_NAME or not FIELD_NAME.fullmatch(name):
            text = f"{excerpt(name)} is not the name of a header field"
            yield Problem(pointer, "invalid", text)
        elif lower in OWN_FIELDS:
            yield Problem(pointer, "forbidden", f"Give {name} as the field {lower}, not in headers")
        elif lower in NOT_GIVEN or lower.startswith("content-"):
            yield Problem(pointer, "forbidden", f"The header field {name} cannot be given")
        elif count[lower] > 1 and lower in ONLY_ONCE:
            yield Problem(pointer, "duplicate", f"There must be only one {name}")
        elif wrong := _value(lower, value):
            yield Problem(pointer, "invalid", f"The value of {name} {wrong}")


def _escape(name: str) -> str:
    """Return a name as a JSON pointer has it (RFC 6901 §3)."""
    visible = name.encode("utf-8", "replace").decode()
    return visible.replace("~", "~0").replace("/", "~1")


def _value(name: str, value: str) -> str:
    """Say what is wrong with the value of a field, in words that follow its name."""
    if NOT_IN_FIELD.search(value):
        return "must not hold line ends or control characters"
    if name in ADDRESSES:
        return _address_list(name, value)
    if name == "list-id" or name.encode() in STRUCTURED:
        return _structured(name, value)
    return ""


def _address_list(name: str, value: str) -> str:
    try:
        mailboxes = parse_mailboxes(value)
    except AddressError as error:
        return f"cannot be read: {error}"
    if not mailboxes or (name == "sender" and len(mailboxes) > 1):
        return "must hold an address"
    wrong = next(_names(mailboxes, ""), None)
    return f"cannot be written: {wrong.text}" if wrong else ""


def _structured(name: str, value: str) -> str:
    if not value.isascii():
        return "must be ASCII"
    if any(len(word) > MAX_WORD for word in WORD.findall(value)):
        return f"holds a word of more than {MAX_WORD} characters"
    # An empty Message-ID is none: the service makes one.
    if name == "message-id" and value.strip() and not MESSAGE_ID.fullmatch(value.strip()):
        return "must look like <unique@example.com>"
    if name == "date" and not _is_date(value):
        return "must look like Tue, 24 Nov 2026 12:00:00 +0000"
    return ""


def _is_date(value: str) -> bool:
    try:
        email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
    return True


def _attachments(letter: Letter) -> Iterator[Problem]:
    if len(letter.attachments) > MAX_ATTACHMENTS:
        text = f"There are more than {MAX_ATTACHMENTS} attachments"
        yield Problem("/attachments", "invalid", text)
        return
    for at, attachment in enumerate(letter.attachments):
        yield from _attachment(attachment, f"/attachments/{at}")


def _attachment(attachment: Attachment, pointer: str) -> Iterator[Problem]:
    if len(attachment.file_name) > MAX_FILE_NAME or NOT_TEXT.search(attachment.file_name):
        text = f"A file name has at most {MAX_FILE_NAME} characters, none of them a control"
        yield Problem(f"{pointer}/file_name", "invalid", text)
    yield from _content_type(attachment, pointer)
    content_id = attachment.content_id
    if content_id and (
        len(content_id) > MAX_CONTENT_ID or not CONTENT_ID.fullmatch(bare_content_id(content_id))
    ):
        text = f"The content_id {excerpt(content_id)} must be one word of ASCII, such as logo"
        yield Problem(f"{pointer}/content_id", "invalid", text)


def _content_type(attachment: Attachment, pointer: str) -> Iterator[Problem]:
    content_type = attachment.content_type.strip().lower()
    if (
        len(content_type) > MAX_CONTENT_TYPE
        or not content_type.isascii()
        or NOT_IN_FIELD.search(content_type)
        or not CONTENT_TYPE.fullmatch(content_type)
    ):
        text = f"{excerpt(attachment.content_type)} is not a content type such as application/pdf"
        yield Problem(f"{pointer}/content_type", "invalid", text)
    elif content_type.startswith("multipart/"):
        text = "An attachment cannot be a multipart; attach its parts"
        yield Problem(f"{pointer}/content_type", "forbidden", text)
    elif content_type.startswith("message/"):
        message = lf_to_crlf(attachment.content)
        if not is_seven_bit(message) or not has_only_crlf(message) or b"\0" in message:
            text = "An attached message must be ASCII in lines of at most 998 characters"
            yield Problem(f"{pointer}/content", "invalid", text)
