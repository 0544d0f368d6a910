"""Find the names of the files that an appointment carries (iCalendar, RFC 5545 §3.8.1.1).

They stand within the text, as parameters that [MS-OXCICAL] and RFC 8607 name; Outlook shows such a
file like any other attachment.
"""

import re
from collections.abc import Iterator

from messages.attachments.encodings import plain
from messages.attachments.limits import MAX_NAME, Budget

_FOLD = re.compile(rb"\r?\n[ \t]")
_ATTACH = re.compile(rb"^attach;([^\r\n]*+)", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rb'filename[ \t]*+=[ \t]*+(?:"([^"]*+)|([^;:,]*+))', re.IGNORECASE)


def names(octets: bytes, budget: Budget) -> Iterator[str]:
    """Return the names of all files in a calendar."""
    for line in _ATTACH.finditer(_FOLD.sub(b"", octets)):
        # The file itself follows; its letters are no parameters.
        for name in _NAME.finditer(line[1][: 2 * MAX_NAME]):
            budget.spend("names of parts")
            yield plain(name[1] or name[2] or b"")
