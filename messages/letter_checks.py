"""What is good about a message, and what a receiver may dislike: in words, for its page."""

import re
from dataclasses import dataclass

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from accounts.frame import Chip
from accounts.message_class import MessageClass
from accounts.models import Account
from domains.models import Domain
from messages import header
from messages.anatomy import Anatomy
from messages.models import Message
from messages.spam import rules
from messages.tracked.html import places

FINE = Chip("good", "✓", "fine")
ADVICE = Chip("waiting", "!", "advice")
PROBLEM = Chip("wrong", "✕", "problem")
UNKNOWN = Chip("off", "?", "not known")

# Gmail shows so many octets of HTML, and hides the rest behind a link.
CLIPPED_AT = 102 * 1024
MOST_LINKS = 100
LONG_SUBJECT = 78  # characters; phones show half of it
SEES = {rule.name: rule.sees for rule in
        (*rules.RULES, *rules.HTML_RULES, rules.SHOUTING, rules.BULK_MAILER)}  # fmt: skip

IMAGE = re.compile(r"<img\b[^>]{0,4000}", re.IGNORECASE)
REMOTE_SOURCE = re.compile(r"\bsrc\s*=\s*[\"']?\s*(?:https?:)?//", re.IGNORECASE)
ALTERNATIVE = re.compile(r"\balt\s*=", re.IGNORECASE)
IP_HOST = re.compile(r"https?://(?:[^/@]*@)?(?:\d{1,3}(?:\.\d{1,3}){3}|\[)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and a sentence on what was seen."""

    chip: Chip
    title: str
    text: str
    more: tuple[str, ...] = ()


def of_message(message: Message, account: Account, domain: Domain | None) -> list[Check]:
    """Check what is known of a message without its content."""
    return [_spam(message), *_authentication(message, domain), _size(message, account)]


def _spam(message: Message) -> Check:
    text = f"It scores {message.spam_score:.1f}; from {settings.SPAM_LIMIT:.1f} on it is refused."
    if not message.is_scanned:
        text += " The scanner has not seen it yet: it does before the first attempt."
    more = tuple(f"{name}: {SEES[name]}" if name in SEES else name for name in message.spam_rules)
    chip = ADVICE if message.spam_score >= settings.SPAM_LIMIT / 2 or more else FINE
    return Check(chip, "Spam score", text, more)


def _authentication(message: Message, domain: Domain | None) -> list[Check]:
    """Say how the domain of the sender stands now; receivers looked when it was delivered."""
    name = message.sender_domain
    if domain is None:
        text = f"{name} is not among your domains any more, so that nothing is sent under it."
        return [Check(PROBLEM, "Sender's domain", text)]
    dkim = _seen(
        domain.dkim_verified, "DKIM",
        f"Signed as {domain.signs_as}: for DMARC that is one with {name}, the domain of From.",
        f"The key of {name} is not in DNS as it should be: receivers cannot check the signature.",
    )  # fmt: skip
    spf = _seen(
        domain.spf_verified, "SPF",
        f"The envelope sender lies in {domain.mta_domain}: for DMARC that is one with {name}.",
        f"{domain.mta_domain} does not lead to this service, so that SPF fails there.",
    )  # fmt: skip
    return [dkim, spf, _dmarc(domain)]


def _seen(state: bool | None, title: str, good: str, bad: str) -> Check:
    if state is None:
        return Check(UNKNOWN, title, "DNS has not been asked yet, or did not answer.")
    return Check(FINE, title, good) if state else Check(PROBLEM, title, bad)


def _dmarc(domain: Domain) -> Check:
    finding = next((one for one in domain.findings if one["name"].startswith("_dmarc.")), None)
    if finding is None:
        return Check(UNKNOWN, "DMARC", "DNS has not been asked yet.")
    if finding["state"] == "verified":
        return Check(FINE, "DMARC", "The domain has a policy.", tuple(finding["found"]))
    advice = finding["advice"] or "The domain has no policy; large receivers ask for one."
    return Check(ADVICE, "DMARC", advice, tuple(finding["found"]))


def _size(message: Message, account: Account) -> Check:
    limit = filesizeformat(account.max_message_size)
    return Check(FINE, "Size", f"{filesizeformat(message.size)} of {limit} at the most.")


def of_letter(message: Message, anatomy: Anatomy) -> list[Check]:
    """Check the content of a message."""
    html, has_text = anatomy.html, bool(anatomy.plain.strip())
    checks = [_subject(message.subject), _form(anatomy), _parts(bool(html), has_text)]
    if html:
        checks += [_length(html), _links(html), *_pictures(html)]
    if anatomy.attachments:
        checks.append(_attachments(anatomy))
    if message.message_class == MessageClass.DIGEST:
        checks.append(_unsubscribe(message, anatomy))
    return checks


def _subject(subject: str) -> Check:
    if not subject.strip():
        return Check(ADVICE, "Subject", "There is none; some receivers count that against it.")
    if len(subject) > LONG_SUBJECT:
        text = f"{len(subject)} characters: most readers see the first half at best."
        return Check(ADVICE, "Subject", text)
    return Check(FINE, "Subject", f"{len(subject)} characters.")


def _form(anatomy: Anatomy) -> Check:
    is_whole = all(part.body.isascii() for part in anatomy.parts)
    if is_whole:
        return Check(FINE, "7-bit", "No server on the way has a reason to change it.")
    text = "It holds 8-bit octets that could not be encoded; a server on the way may, which breaks"
    return Check(ADVICE, "7-bit", f"{text} the signature.")


def _parts(has_html: bool, has_text: bool) -> Check:
    if has_html and not has_text:
        text = "There is HTML and no plain text: some receivers count that against it."
        return Check(ADVICE, "Text part", text)
    if not has_text:
        return Check(ADVICE, "Text part", "There is no text to read at all.")
    return Check(FINE, "Text part", f"There is plain text{' beside the HTML' * has_html}.")


def _length(html: str) -> Check:
    size = len(html.encode("utf-8", "replace"))
    if size > CLIPPED_AT:
        text = f"{filesizeformat(size)}: Gmail shows the first 102 KB and hides the rest."
        return Check(ADVICE, "Length of the HTML", text)
    return Check(FINE, "Length of the HTML", f"{filesizeformat(size)}.")


def links(html: str) -> list[str]:
    """Return where the links of an HTML text lead, each once, up to a bound."""
    found = (place.url for place in places(html, opens=False, clicks=True, is_utf8=True))
    return list(dict.fromkeys(found))[:MOST_LINKS]


def _links(html: str) -> Check:
    found = links(html)
    if bare := [url for url in found if IP_HOST.match(url)]:
        text = "A link leads to a bare IP address, as those of frauds do."
        return Check(PROBLEM, "Links", text, tuple(bare[:3]))
    if rules.shows_another_host(html.lower().encode("utf-8", "replace")):
        text = "A link shows one address and leads to another, as those of frauds do."
        return Check(PROBLEM, "Links", text)
    if plain := [url for url in found if url.lower().startswith("http:")]:
        text = "A link is not encrypted: write https."
        return Check(ADVICE, "Links", text, tuple(plain[:3]))
    return Check(FINE, "Links", f"{len(found)}, each of them https.")


def _pictures(html: str) -> list[Check]:
    tags = IMAGE.findall(html)
    if not tags:
        return []
    remote = sum(1 for tag in tags if REMOTE_SOURCE.search(tag))
    without = sum(1 for tag in tags if not ALTERNATIVE.search(tag))
    text = (
        f"{len(tags)} in the HTML, {remote} of them from elsewhere, which many readers do not see."
    )
    if without:
        return [Check(ADVICE, "Pictures", f"{text} {without} have no alt text in their place.")]
    return [Check(FINE, "Pictures", text)]


def _attachments(anatomy: Anatomy) -> Check:
    size = sum(len(part.octets) for part in anatomy.attachments)
    count = len(anatomy.attachments)
    text = f"{count} file{'s' * (count > 1)} of {filesizeformat(size)}{' together' * (count > 1)}."
    return Check(FINE, "Attachments", text)


def _unsubscribe(message: Message, anatomy: Anatomy) -> Check:
    if message.offers_unsubscribe or header.find(anatomy.fields, b"list-unsubscribe"):
        return Check(FINE, "Unsubscribe", "Readers can unsubscribe by one click.")
    text = "A digest without one-click unsubscribe: large receivers ask for it (RFC 8058)."
    return Check(ADVICE, "Unsubscribe", text)
