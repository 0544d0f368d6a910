"""Turn Markdown into the HTML of a letter (CommonMark, with tables)."""

from markdown_it import MarkdownIt

# HTML within the Markdown stays: its author could have sent HTML in the first place.
_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")

# Characters. So many take half a second of CPU, three seconds at the worst ("![" all along).
MAX_LENGTH = 200_000
# A row may leave its cells out: two kilobytes of Markdown make 65,000 of them, as often as one
# likes. So many take two seconds.
MAX_CELLS = 200_000


def to_html(source: str) -> str:
    """Return an HTML document; spam filters distrust a piece of one."""
    body = _PARSER.render(source)
    return f"<!DOCTYPE html>\n<html>\n<body>\n{body}</body>\n</html>\n"


def has_too_many_cells(source: str) -> bool:
    """Whether a table in it could have more cells than anybody means: columns by lines."""
    if source.count("|") < 2:
        return False
    lines = source.replace("\r", "\n").split("\n")
    return max(line.count("|") for line in lines) * len(lines) > MAX_CELLS
