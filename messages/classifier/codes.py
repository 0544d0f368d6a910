"""What codes mean: enhanced status codes (RFC 3463, the IANA registry, Microsoft's and Google's
own), reply codes (RFC 5321 §4.2.3), and the commands that were refused."""

from events.reasons import Reason
from messages.smtp.phases import Phase

# Without the class, which says only for how long.
BY_STATUS = {
    "1.0": Reason.HARD_BOUNCE,
    "1.1": Reason.INVALID_ADDRESS,
    "1.2": Reason.DOMAIN_NOT_FOUND,
    "1.3": Reason.INVALID_ADDRESS,
    "1.4": Reason.HARD_BOUNCE,  # ambiguous
    "1.6": Reason.INVALID_ADDRESS,  # moved, no forwarding address
    "1.9": Reason.SERVER_ERROR,
    # Microsoft's. That of RFC 7505 (the domain takes no mail) has words that say so.
    "1.10": Reason.INVALID_ADDRESS,
    "1.90": Reason.RATE_LIMITED,  # Microsoft's: too many recipients a day
    "1.350": Reason.INVALID_ADDRESS,
    "1.351": Reason.INVALID_ADDRESS,
    "2.0": Reason.HARD_BOUNCE,
    "2.1": Reason.INACTIVE_MAILBOX,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.MESSAGE_TOO_LARGE,
    "2.4": Reason.SERVER_ERROR,  # a mailing list that cannot be expanded
    "3.3": Reason.PROTOCOL_ERROR,
    "3.4": Reason.MESSAGE_TOO_LARGE,
    "4.5": Reason.RATE_LIMITED,
    "4.7": Reason.EXPIRED,
    "4.300": Reason.EXPIRED,
    "4.310": Reason.DOMAIN_NOT_FOUND,
    "5.3": Reason.POLICY,  # too many recipients
    "5.6": Reason.CONTENT_REJECTED,
    "6.7": Reason.PROTOCOL_ERROR,  # an address that is not ASCII
    "6.9": Reason.CONTENT_REJECTED,
    "7.5": Reason.PROTOCOL_ERROR,
    "7.13": Reason.INACTIVE_MAILBOX,
    "7.17": Reason.INVALID_ADDRESS,  # RFC 7293: the mailbox has a new owner
    "7.18": Reason.INVALID_ADDRESS,
    "7.20": Reason.AUTHENTICATION,  # RFC 7372: DKIM
    "7.21": Reason.AUTHENTICATION,
    "7.22": Reason.AUTHENTICATION,
    "7.23": Reason.AUTHENTICATION,  # SPF
    "7.24": Reason.AUTHENTICATION,
    "7.25": Reason.AUTHENTICATION,  # reverse DNS
    "7.26": Reason.AUTHENTICATION,
    "7.27": Reason.AUTHENTICATION,  # RFC 7505: our domain takes no mail; Google's: SPF
    "7.28": Reason.RATE_LIMITED,  # a flood
    "7.29": Reason.AUTHENTICATION,  # ARC
    "7.30": Reason.AUTHENTICATION,  # Google's: DKIM
    "7.32": Reason.AUTHENTICATION,
    "7.40": Reason.AUTHENTICATION,
    "7.501": Reason.REPUTATION,
    "7.502": Reason.REPUTATION,
    "7.503": Reason.REPUTATION,
    "7.504": Reason.INACTIVE_MAILBOX,
    "7.505": Reason.INACTIVE_MAILBOX,
    "7.508": Reason.RATE_LIMITED,
    "7.509": Reason.AUTHENTICATION,
    "7.511": Reason.REPUTATION,
    "7.512": Reason.CONTENT_REJECTED,
    "7.515": Reason.AUTHENTICATION,
    "7.606": Reason.REPUTATION,
    "7.650": Reason.REPUTATION,
    "7.705": Reason.RATE_LIMITED,
    "7.750": Reason.POLICY,  # a sending domain that they do not know
}

# Of the sender's address: words as "invalid address" mean that one.
SURE = {"1.7": Reason.POLICY, "1.8": Reason.POLICY}

# The middle number alone.
BY_SUBJECT = {
    "3": Reason.SERVER_ERROR,
    "4": Reason.UNREACHABLE,
    "5": Reason.PROTOCOL_ERROR,
    "6": Reason.CONTENT_REJECTED,
    "7": Reason.POLICY,
}

BY_CODE = {
    421: Reason.SERVER_ERROR,
    450: Reason.SERVER_ERROR,
    451: Reason.SERVER_ERROR,
    452: Reason.SERVER_ERROR,
    500: Reason.PROTOCOL_ERROR,
    501: Reason.PROTOCOL_ERROR,
    502: Reason.PROTOCOL_ERROR,
    503: Reason.PROTOCOL_ERROR,
    504: Reason.PROTOCOL_ERROR,
    521: Reason.DOMAIN_NOT_FOUND,  # RFC 7504: the host takes no mail
    530: Reason.POLICY,
    535: Reason.POLICY,
    551: Reason.INVALID_ADDRESS,
    552: Reason.MAILBOX_FULL,
    553: Reason.HARD_BOUNCE,
    555: Reason.PROTOCOL_ERROR,
    556: Reason.DOMAIN_NOT_FOUND,
    571: Reason.POLICY,
}

# Who is refused at RCPT is the recipient, before it the sender, behind it the message.
BY_PHASE: dict[Phase | None, Reason] = {
    Phase.GREETING: Reason.REPUTATION,
    Phase.EHLO: Reason.REPUTATION,
    Phase.HELO: Reason.REPUTATION,
    Phase.STARTTLS: Reason.REPUTATION,
    Phase.MAIL: Reason.POLICY,
    Phase.RCPT: Reason.HARD_BOUNCE,
    Phase.DATA: Reason.POLICY,
    Phase.DOT: Reason.POLICY,
}
BEFORE_RCPT = frozenset({Phase.GREETING, Phase.EHLO, Phase.HELO, Phase.STARTTLS, Phase.MAIL})
