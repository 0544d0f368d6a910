"""Decide what becomes of mail by the address it is for: in test mode, and at the simulator.

`bounced@sim.test`, `greylisted+any.label@d17.sim.test`: the local part before a `+` decides, in
any domain. A local part that says nothing is delivered.
"""

from enum import StrEnum

from events.reasons import Reason
from messages.reports import Report
from messages.smtp.replies import Reply


class Outcome(StrEnum):
    """What can happen to one recipient. Each value is the local part that makes it happen."""

    DELIVERED = "delivered"  # the exchanger takes it
    BOUNCED = "bounced"  # refused for ever: no such mailbox
    SOFT_BOUNCED = "softbounced"  # refused for now, on every attempt
    FULL = "full"  # refused for now: the mailbox has no room
    GREYLISTED = "greylisted"  # refused for now, and taken on the next attempt
    BLOCKED = "blocked"  # refused for ever: it is our reputation, not the mailbox
    COMPLAINED = "complained"  # delivered; the recipient will call it spam
    LATE_BOUNCE = "late-bounce"  # delivered; a DSN will say otherwise
    AUTO_REPLY = "auto-reply"  # delivered; nobody is there, and a machine will say so
    SLOW = "slow"  # delivered, each reply after a delay
    DROP_AFTER_DOT = (
        "drop-after-dot"  # delivered, and the reply to the final dot is lost (RFC 1047)
    )


# What RCPT is answered; who has no entry here is accepted.
REFUSALS = {
    Outcome.BOUNCED: Reply(550, "5.1.1", "No such user here"),
    Outcome.SOFT_BOUNCED: Reply(450, "4.2.1", "Mailbox temporarily unavailable"),
    Outcome.FULL: Reply(452, "4.2.2", "Mailbox full"),
    Outcome.GREYLISTED: Reply(451, "4.7.1", "Greylisted, please try again later"),
    Outcome.BLOCKED: Reply(554, "5.7.1", "Message refused by local policy"),
}

# What comes back later about a message that was taken.
REPORTS = {
    Outcome.LATE_BOUNCE: Report(
        "", "bounce", "5.1.1", True, Reason.INVALID_ADDRESS, "550 5.1.1 The mailbox does not exist"
    ),
    Outcome.COMPLAINED: Report("", "complaint", reason=Reason.COMPLAINT),
}

BY_LOCAL_PART = {outcome.value: outcome for outcome in Outcome}


def outcome_of(address: str) -> Outcome:
    """Return what happens to mail for an address."""
    local_part = address.rpartition("@")[0] or address  # "postmaster" may stand alone
    label = local_part.partition("+")[0].lower()
    return BY_LOCAL_PART.get(label, Outcome.DELIVERED)


def report_on(address: str) -> Report | None:
    """Return what will be reported of mail for an address once it was taken, if anything."""
    return REPORTS.get(outcome_of(address))


TAKEN = Reply(250, "2.0.0", "Test mode: taken, and delivered nowhere")


def reply_to(address: str, attempt_number: int) -> Reply:
    """Return what a server would say to an attempt on an address, the first one being 1."""
    outcome = outcome_of(address)
    if outcome is Outcome.GREYLISTED and attempt_number > 1:
        return TAKEN
    return REFUSALS.get(outcome, TAKEN)
