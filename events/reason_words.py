"""Say in a sentence why mail was not delivered, for who reads a page."""

from collections.abc import Mapping

from events.reasons import Reason

SENTENCES: Mapping[Reason, str] = {
    Reason.INVALID_ADDRESS: "There is no such mailbox.",
    Reason.INACTIVE_MAILBOX: "Their mailbox is closed or disabled.",
    Reason.DOMAIN_NOT_FOUND: "The domain does not exist, or takes no mail.",
    Reason.HARD_BOUNCE: "Their server refuses this recipient, and does not say why.",
    Reason.MAILBOX_FULL: "Their mailbox is full.",
    Reason.REPUTATION: "Their server does not trust our address or your domain.",
    Reason.SPAM_CONTENT: "The content was taken for spam.",
    Reason.AUTHENTICATION: "SPF, DKIM or DMARC did not satisfy their server.",
    Reason.POLICY: "A rule of theirs forbids it, and they do not say which.",
    Reason.CONTENT_REJECTED: "Their server does not take what the message holds.",
    Reason.MESSAGE_TOO_LARGE: "The message is larger than they take.",
    Reason.RELAYING_DENIED: "Their server does not take mail for this domain.",
    Reason.PROTOCOL_ERROR: "Their server did not understand a command.",
    Reason.RATE_LIMITED: "Their server takes no more from us for now.",
    Reason.GREYLISTED: "Their server lets strangers come twice.",
    Reason.SERVER_ERROR: "Something is broken or full at their side.",
    Reason.UNREACHABLE: "Their server could not be reached.",
    Reason.EXPIRED: "It was tried until time was up.",
    Reason.PREVIOUS_BOUNCE: "It is on your suppression list: an earlier message bounced.",
    Reason.PREVIOUS_COMPLAINT: "It is on your suppression list: the recipient complained.",
    Reason.SUPPRESSED: "It is on your suppression list: somebody put it there.",
    Reason.DOMAIN_UNVERIFIED: "The sending domain is not verified any more.",
    Reason.ATTACHMENT: "An attachment could be opened as a program.",
    Reason.COMPLAINT: "The recipient called it spam.",
    Reason.UNSUBSCRIBED: "The recipient has unsubscribed.",
    Reason.UNKNOWN: "They do not say why.",
}


def sentence(reason: str) -> str:
    """Return what a reason means; "" for one that this version does not know."""
    return SENTENCES[Reason(reason)] if reason in SENTENCES else ""
