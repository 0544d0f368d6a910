"""What a report says of one recipient, and of the message that it is about."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from events.reasons import SUPPRESSING, Reason

# The values of `events.models.Kind`, which pure code does not import.
ReportKind = Literal["bounce", "soft_bounce", "blocked", "complaint"]


@dataclass(frozen=True, slots=True)
class Original:
    """What a report tells about the message it is about; "" or nothing where it does not."""

    message_id: str = ""  # with its angle brackets
    reverse_path: str = ""  # without brackets; of our mail it bears the token of the recipient
    envelope_id: str = ""  # ENVID (RFC 3461)
    arrival_date: datetime | None = None  # when the reporting server got it; aware
    # Its header fields, names in lower case, values as people read them.
    fields: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> list[str]:
        """Return the values of all fields of a name, given in lower case."""
        return [value for field_name, value in self.fields if field_name == name]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one recipient, as another server tells it. Nothing of it is proved."""

    recipient: str  # the address that failed, as written in the report; "" where unknown
    kind: ReportKind  # soft_bounce: the other server is still trying
    status: str = ""  # "5.1.1" (RFC 3463); "" where none is given
    permanent: bool = False  # by its status: another attempt would fail as well
    reason: Reason = Reason.UNKNOWN
    diagnostic: str = ""  # what the server said, for people; one line
    reporter: str = ""  # the server that reports, "" where unknown
    original_recipient: str = ""  # whom the sender wrote to, where that is given
    original: Original = field(default_factory=Original)

    @property
    def suppresses(self) -> bool:
        """Whether the address should be written to no more."""
        is_own_failure = self.permanent and self.kind == "bounce" and self.reason in SUPPRESSING
        return self.kind == "complaint" or is_own_failure
