"""Part the words of a notice from the message that it returns within its text."""

import re
from pathlib import Path

from messages import rulebook
from messages.reports.mail import ORIGINALS, Part, parse_fields

RULES = rulebook.load(Path(__file__).with_name("returned.txt"))
_FIRST_FIELD = re.compile(
    r"^(?:[a-z][a-z0-9-]{1,60}):[ \t]*+\S[^\n]*+\n(?:[ \t][^\n]*+\n)*+[a-z][a-z0-9-]{1,60}:",
    re.IGNORECASE | re.MULTILINE,
)


def words(mail: Part) -> str:
    """Return what a notice itself says: all its text in front of the original."""
    plain = cut(text(mail, "text/plain"))
    return plain if "@" in plain else f"{plain}\n{cut(text(mail, 'text/html'))}"


def text(mail: Part, media_type: str) -> str:
    """Return all text of a type in front of a part that holds the original."""
    texts = []
    for part in mail.walk():
        if part.media_type in ORIGINALS:
            break
        # A multipart whose parts cannot be told apart is read as plain text.
        is_broken = part.media_type.startswith("multipart/") and media_type == "text/plain"
        if part.media_type == media_type or is_broken:
            texts.append(part.text)
    return "\n".join(texts)


def cut(written: str) -> str:
    """Return a text up to where the original begins."""
    found = (pattern.search(written) for pattern in RULES.values())
    ends = [match.start() for match in found if match]
    return written[: min(ends)] if ends else written


def fields(mail: Part) -> list[tuple[str, str]]:
    """Return the header fields of an original that stands within the text."""
    plain = text(mail, "text/plain")
    returned = plain[len(cut(plain)) :]
    begin = _FIRST_FIELD.search(returned)
    return parse_fields(returned[begin.start() :].partition("\n\n")[0].encode()) if begin else []
