"""Say what kind of file it is by the end of its name, where the sender leaves that open."""

import mimetypes
import os

UNKNOWN = "application/octet-stream"
# The table that Python brings, and not the machine's own: the same everywhere.
TYPES = mimetypes.MimeTypes().types_map[True]


def media_type(file_name: str) -> str:
    """Return the type that a name stands for (RFC 2046); what says nothing is octets."""
    kind = TYPES.get(os.path.splitext(file_name)[1].lower(), UNKNOWN)
    # A message within a message has rules of its own (RFC 2046 §5.2.1), which a file may not keep.
    return UNKNOWN if kind.startswith("message/") else kind
