"""Find the forbidden attachment of a message, by every name that a mail client could show for it.

MIME (RFC 2045 to 2047, 2183, 2231), uuencode, yEnc, zip, gzip and TNEF are read as the most
lenient client reads them: whatever one of them might save as a program is found.
"""

from messages.attachments import parts
from messages.attachments.extensions import forbidden
from messages.attachments.limits import Budget, TooComplex
from messages.header import Field

__all__ = ["TooComplex", "forbidden_name"]


def forbidden_name(fields: list[Field], body: bytes) -> str | None:
    """Return the first forbidden name in a message as one can show it, or None.

    The name is printable, not always ASCII, and at most 80 characters long. Raises TooComplex
    where a message is built in such a way that we cannot look through all of it.
    """
    about_content = b"".join(field.raw for field in fields if field.name.startswith(b"content-"))
    for name in parts.names(about_content, body, Budget()):
        if shown := forbidden(name):
            return shown
    return None
