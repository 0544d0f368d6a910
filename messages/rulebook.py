"""Read rules that are data: text files with sections of regular expressions, one a line.

    # why these words
    [name of the section]
    first pattern
    second pattern

A section matches where one of its patterns does. Gaps in patterns must be bounded (`.{0,40}`), so
that no text takes long.
"""

import re
from pathlib import Path


def load(path: Path) -> dict[str, re.Pattern[str]]:
    """Return the patterns of a file by the names of their sections, in the order of the file."""
    sections: dict[str, list[str]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].isidentifier():
            name = line[1:-1]
        elif line and not line.startswith("#"):
            sections.setdefault(name, []).append(line)
    return {
        section: re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)
        for section, patterns in sections.items()
    }
