"""Say no in one value that both doors speak: SMTP as a reply, REST as a problem (RFC 9457)."""

from dataclasses import dataclass
from enum import Enum, unique

from messages.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Manner:
    """How each door says one thing."""

    code: int  # SMTP (RFC 5321 §4.2)
    status: str  # enhanced (RFC 3463)
    http: int
    title: str
    pointer: str = ""  # the field of a REST request that is most often to blame


@unique
class Cause(Enum):
    """Why a submission is not taken. The lower-case name is what customers see and filter by."""

    CREDENTIAL_REVOKED = Manner(535, "5.7.8", 401, "Credential revoked")
    ACCOUNT_SUSPENDED = Manner(525, "5.7.13", 403, "Account suspended")
    SCOPE_MISSING = Manner(550, "5.7.1", 403, "Credential may not send")
    INVALID_SENDER = Manner(501, "5.1.7", 422, "Sender address invalid", "/from")
    NULL_SENDER = Manner(550, "5.7.1", 422, "Sender address missing", "/from")
    DOMAIN_NOT_VERIFIED = Manner(550, "5.7.1", 403, "Sender domain not verified", "/from")
    DOMAIN_NOT_ALLOWED = Manner(550, "5.7.1", 403, "Sender domain not allowed", "/from")
    INVALID_RECIPIENT = Manner(501, "5.1.3", 422, "Recipient address invalid", "/to")
    ADDRESS_LITERAL = Manner(550, "5.1.2", 422, "Address literal", "/to")
    TOO_MANY_RECIPIENTS = Manner(550, "5.5.3", 422, "Too many recipients", "/to")
    # Said to the 21st recipient of a relay, which sends the rest in another transaction.
    RELAY_MUST_SPLIT = Manner(452, "4.5.3", 422, "Too many recipients", "/to")
    TOO_BIG = Manner(552, "5.3.4", 413, "Message too big")
    MALFORMED = Manner(554, "5.6.0", 422, "Message malformed")
    INVALID_CLASS = Manner(554, "5.6.0", 422, "Message class unknown", "/priority")
    INVALID_TAGS = Manner(554, "5.6.0", 422, "Tags invalid", "/tags")
    INVALID_METADATA = Manner(554, "5.6.0", 422, "Metadata invalid", "/metadata")
    INVALID_TEST_MODE = Manner(554, "5.6.0", 422, "Test mode unclear", "/test_mode")
    INVALID_TRACKING = Manner(554, "5.6.0", 422, "Tracking unclear", "/track_opens")
    INVALID_UNSUBSCRIBE = Manner(554, "5.6.0", 422, "Unsubscribing impossible", "/unsubscribe")
    INVALID_KEY = Manner(554, "5.6.0", 400, "Idempotency key invalid")
    LOOP = Manner(554, "5.4.6", 422, "Message loops")
    ATTACHMENT = Manner(554, "5.7.0", 422, "Attachment type not permitted", "/attachments")
    SPAM = Manner(554, "5.7.1", 422, "Content looks like spam")
    RATE_LIMIT = Manner(450, "4.7.1", 429, "Too many messages at once")
    VOLUME_LIMIT = Manner(451, "4.7.1", 429, "Daily volume reached, and much is held")
    SENDING_PAUSED = Manner(451, "4.7.1", 429, "Sending paused")
    KEY_IN_FLIGHT = Manner(451, "4.5.0", 409, "Idempotency key in use")
    KEY_REUSED = Manner(554, "5.5.0", 422, "Idempotency key used for something else")

    @property
    def slug(self) -> str:
        """The one word for it in APIs, tables and the anchors of the documentation."""
        return self.name.lower()


class Refused(Exception):
    """We do not take the message. Says why, to whoever asks, in the manner of its door."""

    def __init__(self, cause: Cause, text: str, pointer: str = "") -> None:
        self.cause = cause
        self.pointer = pointer or cause.value.pointer
        self.reply = Reply(cause.value.code, cause.value.status, text)
        super().__init__(str(self.reply))
