"""Why mail was not delivered, in one word out of a closed list: `details.reason` of an event."""

from enum import StrEnum


class Reason(StrEnum):
    """The one word of an event, and of a report. What each one means: docs/events.md."""

    # The recipient's own; those of SUPPRESSING put the address on the suppression list.
    INVALID_ADDRESS = "invalid_address"  # there is no such mailbox, or it has moved
    INACTIVE_MAILBOX = "inactive_mailbox"  # the mailbox exists, and is closed or disabled
    DOMAIN_NOT_FOUND = "domain_not_found"  # the domain does not exist, or takes no mail
    HARD_BOUNCE = "hard_bounce"  # the recipient refuses for ever, and does not say why
    MAILBOX_FULL = "mailbox_full"  # no room, or more mail than the recipient may get

    # The other side's judgement of the sender or of the message.
    REPUTATION = "reputation"  # our IP address or the sending domain is on a list
    SPAM_CONTENT = "spam_content"  # the content was taken for spam, by them or by us
    AUTHENTICATION = "authentication"  # SPF, DKIM, DMARC, reverse DNS
    POLICY = "policy"  # a rule of theirs that they do not explain
    CONTENT_REJECTED = "content_rejected"  # a virus, a forbidden attachment, a malformed header
    MESSAGE_TOO_LARGE = "message_too_large"
    RELAYING_DENIED = "relaying_denied"  # their server does not serve the recipient's domain
    PROTOCOL_ERROR = "protocol_error"  # a command was not understood

    # What may go better later.
    RATE_LIMITED = "rate_limited"  # too much in too short a time
    GREYLISTED = "greylisted"  # strangers must come twice
    SERVER_ERROR = "server_error"  # something at their side is broken or full
    UNREACHABLE = "unreachable"  # no connection, no answer, no route, a loop
    EXPIRED = "expired"  # we, or a server behind, tried until time was up

    # Ours: we did not try.
    PREVIOUS_BOUNCE = "previous_bounce"  # suppressed: an earlier message bounced
    PREVIOUS_COMPLAINT = "previous_complaint"  # suppressed: the recipient complained earlier
    SUPPRESSED = "suppressed"  # suppressed: put on the list by the customer
    DOMAIN_UNVERIFIED = "domain_unverified"  # the sending domain is no longer verified
    ATTACHMENT = "attachment"  # an attachment that could be opened as a program

    # What the recipient says.
    COMPLAINT = "complaint"  # "this is spam"
    UNSUBSCRIBED = "unsubscribed"  # "no more of this"

    UNKNOWN = "unknown"


# A recipient's own permanent failures that no patience mends. Not DOMAIN_NOT_FOUND: an hour of
# DNS trouble, or a domain renewed too late, must not cost good addresses.
SUPPRESSING = frozenset({Reason.INVALID_ADDRESS, Reason.INACTIVE_MAILBOX})
