"""The documentation for customers: Markdown of docs/guide, filled in with figures and values.

A page begins with `# Title` and one paragraph, which is its lead. Each further heading names its
anchor, `## Title {#anchor}`, so that links to it outlive a better title.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from accounts.templatetags.frame import copyable

FOLDER = settings.BASE_DIR / "docs" / "guide"
# In the order in which somebody new would read them.
TOPICS = (
    ("getting-started", "Getting started", "From an empty account to the first message."),
    ("smtp", "SMTP", "Host, ports, TLS, log-in, and what each refusal means."),
    ("rest", "REST", "The same by HTTP: fields, keys, errors, lists."),
    ("headers", "Headers", "What you can ask for in the header of a message."),
    ("queues", "Queues", "Three classes: what goes first, and how long we try."),
    ("tags", "Tags", "Group your mail, and see rates by group."),
    ("events", "Events", "What can happen to a message, in seven words."),
    ("webhooks", "Webhooks", "Have events posted to you, and verify them."),
    ("suppressions", "Suppressions", "To whom we do not send, and why."),
    ("tracking", "Tracking", "Notice opens and clicks, where you want it."),
    ("limits", "Limits", "Sizes, counts, volume and rates."),
    ("dns", "DNS", "The records of a domain, and what goes wrong with them."),
    ("test-mode", "Test mode", "Try everything, and send nothing."),
)
SLUGS = frozenset(slug for slug, _, _ in TOPICS)
ANCHOR = re.compile(r"\s*\{#([a-z0-9-]+)\}$")


@dataclass(frozen=True, slots=True)
class Page:
    """One topic, ready to show."""

    title: str
    lead: SafeString
    sections: list[tuple[str, str]]  # anchor and title
    html: SafeString


def page(slug: str, values: Mapping[str, Any]) -> Page:
    """Return a topic, filled in. Raises KeyError where there is no such topic."""
    if slug not in SLUGS:
        raise KeyError(slug)
    text = _template(slug).render(Context(dict(values), autoescape=False))
    tokens = _parser().parse(text)
    sections = [_name(*pair) for pair in zip(tokens, tokens[1:], strict=False) if _is_section(pair)]
    # The title and the lead stand where every page has them.
    title, lead, rest = tokens[1].content, tokens[4], tokens[6:]
    return Page(title, _html([lead]), sections, _html(rest))


@cache
def _template(slug: str) -> Any:
    text = (FOLDER / f"{slug}.md").read_text(encoding="utf-8")
    # Values go into Markdown, which escapes all HTML when it is rendered.
    return Engine(autoescape=False).from_string(text)


def _is_section(pair: Sequence[Token]) -> bool:
    return pair[0].type == "heading_open" and pair[0].tag != "h1"


def _name(heading: Token, inline: Token) -> tuple[str, str]:
    """Move the anchor of a heading from its text to its tag."""
    found = ANCHOR.search(inline.content)
    if found is None:
        raise ValueError(f"No anchor: {inline.content}")
    heading.attrSet("id", found[1])
    assert inline.children
    last = inline.children[-1]
    last.content = ANCHOR.sub("", last.content)
    return found[1], ANCHOR.sub("", inline.content)


def _html(tokens: Sequence[Token]) -> SafeString:
    parser = _parser()
    # Safe: the parser lets no HTML through, and what comes out of it is its own.
    return mark_safe(parser.renderer.render(tokens, parser.options, {}))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    rules = parser.renderer.rules  # type: ignore[attr-defined]
    rules["fence"] = rules["code_block"] = _code
    rules["table_open"] = lambda *_: '<div class="scroll" tabindex="0"><table>\n'
    rules["table_close"] = lambda *_: "</table></div>\n"
    return parser


def _code(tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    text = tokens[place].content.strip("\n")
    return render_to_string("parts/copyable.html", copyable(text, "the example", is_block=True))
