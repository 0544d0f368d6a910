"""Say in a sentence why mail was not delivered, and what may be done: one for each reason."""

from events.reasons import Reason

SENTENCES = {
    Reason.INVALID_ADDRESS: "There is no such mailbox, so the address is on your suppression list.",
    Reason.INACTIVE_MAILBOX: "The mailbox is closed, so the address is on your suppression list.",
    Reason.DOMAIN_NOT_FOUND: "The domain does not exist, or takes no mail. Is it misspelt?",
    Reason.HARD_BOUNCE: "The recipient's server refuses it for ever, and does not say why.",
    Reason.MAILBOX_FULL: "The mailbox is full. A later message may get through.",
    Reason.REPUTATION: "Their server mistrusts the address or the domain that it came from.",
    Reason.SPAM_CONTENT: "It was taken for spam. Look at its words, links and attachments.",
    Reason.AUTHENTICATION: "Their server could not verify the sender. Check the domain's records.",
    Reason.POLICY: "A rule of their server forbids it; their own words say more.",
    Reason.CONTENT_REJECTED: "Something in it is not taken there: a file, a link, or a header.",
    Reason.MESSAGE_TOO_LARGE: "It is larger than they take. Send a link instead of a file.",
    Reason.RELAYING_DENIED: "Their server does not serve this domain: its MX records lead astray.",
    Reason.PROTOCOL_ERROR: "Their server did not understand a command of ours.",
    Reason.RATE_LIMITED: "It was too much in too short a time for their server.",
    Reason.GREYLISTED: "Their server asks strangers to come twice.",
    Reason.SERVER_ERROR: "Something at their side is broken or full.",
    Reason.UNREACHABLE: "Their server could not be reached.",
    Reason.EXPIRED: "It was tried until time was up, and never taken.",
    Reason.PREVIOUS_BOUNCE: "Not tried: an earlier message to the address bounced.",
    Reason.PREVIOUS_COMPLAINT: "Not tried: its owner called an earlier message spam.",
    Reason.SUPPRESSED: "Not tried: you put the address on the suppression list.",
    Reason.DOMAIN_UNVERIFIED: "Not tried: the sending domain is no longer verified.",
    Reason.ATTACHMENT: "Not tried: an attachment could be opened as a program.",
    Reason.COMPLAINT: "The recipient called it spam, so nothing more is sent to the address.",
    Reason.UNSUBSCRIBED: "Its owner wants no more digests.",
    Reason.UNKNOWN: "Their server said nothing that could be understood.",
}


def sentence(reason: object) -> str:
    """Return why, in words; of a reason that this version does not know, those of "unknown"."""
    known = reason if isinstance(reason, str) and reason in list(Reason) else Reason.UNKNOWN
    return SENTENCES[Reason(known)]
