"""Judge why a server does not take mail, by its reply (RFC 5321 §4.2, RFC 3463) or its report."""

import re
from dataclasses import dataclass
from typing import Literal

from events.reasons import Reason

Kind = Literal["bounce", "soft_bounce", "blocked"]


@dataclass(frozen=True, slots=True)
class Judgement:
    kind: Kind
    reason: Reason


BY_STATUS = {
    "1.1": Reason.INVALID_ADDRESS,
    "1.2": Reason.DOMAIN_NOT_FOUND,
    "1.6": Reason.INVALID_ADDRESS,
    "2.1": Reason.INACTIVE_MAILBOX,
    "2.2": Reason.MAILBOX_FULL,
}
BLOCKED = {Reason.POLICY}

_REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?![\d.])")


def is_permanent(status: str, text: str) -> bool:
    """Whether another attempt would fail as well, by the class of the status or of the code."""
    if status:
        return status[0] == "5"
    code = _REPLY_CODE.search(text)
    return code is None or code[1] == "5"


def of_report(status: str, text: str, *, is_final: bool) -> Judgement:
    """Judge what another server reports; final: it has given up."""
    reason = BY_STATUS.get(status[2:], Reason.POLICY if status[2:4] == "7." else Reason.UNKNOWN)
    if not is_final:
        return Judgement("soft_bounce", reason)
    return Judgement("blocked" if reason in BLOCKED else "bounce", reason)
