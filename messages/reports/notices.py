"""Tell a notice of failure from all the other mail that machines and people send.

Three witnesses: the sender, the subject, the words. Two of them must agree; a word of an
auto-reply (RFC 3834), of a challenge or of a success counts against. That a mail comes from nobody
is half a witness: notices do, and the answers of people who are away, who "cannot be reached".
"""

from pathlib import Path

from messages import classifier, rulebook
from messages.reports.mail import Part

MAX_WORDS = 20_000  # characters; a notice says early what it is


RULES = rulebook.load(Path(__file__).with_name("notices.txt"))


def is_failure(mail: Part, words: str) -> bool:
    """Whether a mail, whose own words are these, is a notice that something was not delivered."""
    if mail.value("x-failed-recipients"):
        return True
    words = words[:MAX_WORDS]
    subject = mail.value("subject")
    is_machine = _is_from_machine(mail)
    says_so = RULES["words"].search(words) is not None
    if RULES["others"].search(subject):
        return False
    if _is_marked(mail, subject, words) and not (is_machine and says_so):
        return False
    if not is_machine and (_is_about_notices(mail, subject) or RULES["goods"].search(words)):
        return False
    if (
        is_challenge(words)
        or RULES["successes"].search(words)
        or RULES["successes"].search(subject)
    ):
        return False
    heads_so = RULES["subjects"].search(subject) is not None
    if is_machine:
        return says_so or heads_so
    if _is_from_nobody(mail) and not heads_so:
        # People who are away say such things too, but not in the words of a server.
        return says_so and classifier.find_status(words) != ""
    return heads_so and (says_so or _is_from_nobody(mail))


def is_other(mail: Part, words: str) -> bool:
    """Whether a mail that is no notice is of another kind that we know."""
    words, subject = words[:MAX_WORDS], mail.value("subject")
    is_automatic = mail.value("auto-submitted").lower().startswith("auto-")  # RFC 3834 §5
    return (
        (is_automatic and not _is_from_machine(mail))
        or RULES["others"].search(subject) is not None
        or _is_marked(mail, subject, words)
        or is_challenge(words)
        or any(RULES["successes"].search(text) for text in (subject, words))
    )


def is_challenge(words: str) -> bool:
    """Whether a mail asks its reader to prove that he is a person, or one who is welcome."""
    return RULES["challenges"].search(words[:MAX_WORDS]) is not None


def is_delay(words: str) -> bool:
    """Whether a notice says that its server is still trying."""
    return RULES["delays"].search(words[:MAX_WORDS]) is not None


def _is_from_machine(mail: Part) -> bool:
    """Whether a mail says that the mail system itself has written it."""
    sender = mail.value("from").strip()
    known = RULES["senders"].search(f"{sender} {mail.value('return-path')}")
    return known is not None or sender == "<>"


def _is_from_nobody(mail: Part) -> bool:
    # As notifications are (RFC 5321 §4.5.5), and auto-replies (RFC 3834 §3.3).
    return mail.value("return-path").strip() == "<>"


def _is_about_notices(mail: Part, subject: str) -> bool:
    """Whether somebody who is no machine answers a notice, passes it on, or writes to a list."""
    is_to_many = any(name == "list-unsubscribe" for name, _ in mail.fields)
    return is_to_many or RULES["answers"].match(subject) is not None


def _is_marked(mail: Part, subject: str, words: str) -> bool:
    """Whether a mail says itself that it is an auto-reply, or a receipt (RFC 8098)."""
    if mail.parameters.get("report-type", "").lower() == "disposition-notification":
        return "reject" not in words
    is_marked = any(mail.value(name) for name in ("x-autoreply", "x-autorespond", "x-auto-reply"))
    is_bulk_reply = "auto_reply" in mail.value("precedence").lower()
    return is_marked or is_bulk_reply or RULES["auto_replies"].search(subject) is not None
