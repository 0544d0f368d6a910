"""Find what the refusing server said in the words of a notice."""

from messages import classifier

MAX_LENGTH = 500  # characters


def find(lines: list[str], address: str) -> str:
    """Return what is said of an address: from the first code on, else from where it is named.

    It ends at the next empty line; "" where nothing is said.
    """
    starts = (
        *(n for n, line in enumerate(lines) if classifier.find_code(line)),
        *(n for n, line in enumerate(lines) if classifier.find_status(line)),
        *(n for n, line in enumerate(lines) if address and address in line),
    )
    return _paragraph(lines[starts[0] if starts else 0 :])


def of(lines: list[str], address: str) -> str:
    """Return the first paragraph that begins with an address, else one that names it, or ""."""
    starts = (
        *(n for n, line in enumerate(lines) if line.strip(" \t<\"'*>").startswith(address)),
        *(n for n, line in enumerate(lines) if address in line),
    )
    return _paragraph(lines[starts[0] :]) if starts else ""


def _paragraph(lines: list[str]) -> str:
    said: list[str] = []
    for line in lines:
        if said and not line.strip():
            break
        said.append(line.strip())
    return " ".join(said).strip()[:MAX_LENGTH]
