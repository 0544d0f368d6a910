"""Read a DKIM key record (RFC 6376 §3.6.1), and tell how one that does not work came about."""

from collections.abc import Sequence


def problem(found: Sequence[str], public_key: str, expected: str) -> str:
    """Say what is wrong with the texts under the name of a key, "" where they are as they must be.

    `found` are TXT records, the strings of each joined; `public_key` is the p= tag.
    """
    if not found:
        return "There is no record."
    if len(found) > 1:
        return several(found, public_key, expected)
    text = found[0]
    if holds_key(text, public_key, expected):
        return ""
    if holds_key(text.replace('"', "").replace("\\", ""), public_key, expected):
        return "The value has quotation marks or backslashes in it: enter it without them."
    if squeezed(expected).startswith(squeezed(text)) and "p=" in text:
        return (
            f"Only the first {len(text)} of {len(expected)} characters are there. If your DNS "
            "provider cuts long values, enter the value as two strings in one record."
        )
    tags = parse(text)
    if tags is not None and tags.get("p") == "":
        return "The record says that the key was revoked: its p= is empty."
    if tags is not None and "p" in tags:
        return "The record holds another key, or asks for more than ours: enter the value as shown."
    return "This is no DKIM key: enter the value as shown."


def several(found: Sequence[str], public_key: str, expected: str) -> str:
    """Say why more than one record is wrong: which one counts is undefined (§3.6.2.2)."""
    if any(holds_key(text, public_key, expected) for text in found):
        return "Several TXT records stand under this name: remove all but the one shown."
    whole = squeezed(expected)
    if all(squeezed(text) in whole for text in found):
        return "The pieces of the value stand in records of their own: put them into one record."
    return "Several TXT records stand under this name: remove them and enter the one shown."


def holds_key(text: str, public_key: str, expected: str) -> bool:
    """Say whether a text is a record under which signatures with this key verify."""
    tags, ours = parse(text), parse(expected)
    if tags is None or ours is None:
        return False
    return (
        squeezed(tags.get("p", "")) == public_key
        and tags.get("v", "DKIM1") == "DKIM1"
        and tags.get("k", "rsa") == ours.get("k", "rsa")
        and "sha256" in words(tags.get("h", "sha256"))
        and not words(tags.get("s", "*")).isdisjoint({"*", "email"})
    )


def parse(text: str) -> dict[str, str] | None:
    """Read a tag-list (§3.2), in any order; None where it is none or names a tag twice."""
    tags: dict[str, str] = {}
    for tag in text.split(";"):
        name, equals, value = tag.partition("=")
        name = name.strip()
        if not tag.strip():
            continue
        if not equals or not name or name in tags:
            return None
        tags[name] = value.strip()
    return tags


def words(value: str) -> set[str]:
    return {word.strip() for word in value.split(":")}


def squeezed(text: str) -> str:
    """Return a text without white space, which may stand anywhere in a key."""
    return "".join(text.split())
