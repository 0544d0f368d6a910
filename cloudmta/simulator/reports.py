"""Write what comes back to a sender: bounces (RFC 3464), abuse reports (RFC 5965), auto-replies."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from messages.simulated import Outcome

HOST = "mx1.sim.test"
# Octets of the header that a report quotes.
MOST_QUOTED = 16_384


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of somebody else's that is on its way to us."""

    reverse_path: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What a mailbox has received, for somebody to answer."""

    reverse_path: str
    recipient: str
    content: bytes

    @property
    def header(self) -> str:
        head = self.content.partition(b"\r\n\r\n")[0][:MOST_QUOTED]
        return head.decode("utf-8", "replace").replace("\r\n", "\n")


def answer_to(outcome: Outcome, taken: Taken) -> Letter | None:
    """Return what comes back about a message that was taken, if anything does."""
    write = WRITERS.get(outcome)
    if write is None or not taken.reverse_path:  # nobody answers a notification (RFC 3834 §2)
        return None
    return write(taken)


def bounce(taken: Taken) -> Letter:
    """Tell that a message could not be delivered after all."""
    status = f"""Reporting-MTA: dns; {HOST}
Arrival-Date: {_now()}

Final-Recipient: rfc822; {taken.recipient}
Original-Recipient: rfc822; {taken.recipient}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mailstore.sim.test
Diagnostic-Code: smtp; 550 5.1.1 <{taken.recipient}>: Recipient address rejected: User unknown
Last-Attempt-Date: {_now()}
"""
    text = f"""This is the mail system at host {HOST}.

I'm sorry to have to inform you that your message could not be delivered to one or more recipients.

<{taken.recipient}>: host mailstore.sim.test said: 550 5.1.1 User unknown
"""
    fields = f"From: Mail Delivery System <MAILER-DAEMON@{HOST}>\nAuto-Submitted: auto-replied\n"
    subject = "Undelivered Mail Returned to Sender"
    content = _report(taken, fields, subject, "delivery-status", text, status)
    return Letter("", taken.reverse_path, content)


def complaint(taken: Taken) -> Letter:
    """Tell that the recipient has called a message spam."""
    feedback = f"""Feedback-Type: abuse
User-Agent: CloudMTA-Simulator/1.0
Version: 1
Original-Mail-From: <{taken.reverse_path}>
Original-Rcpt-To: <{taken.recipient}>
Arrival-Date: {_now()}
Reporting-MTA: dns; {HOST}
Source-IP: 127.0.0.1
"""
    text = f"This is an email abuse report for a message received on {_now()}.\n"
    sender = "feedback@sim.test"
    content = _report(
        taken, f"From: <{sender}>\n", "Abuse report", "feedback-report", text, feedback
    )
    return Letter(sender, taken.reverse_path, content)


def auto_reply(taken: Taken) -> Letter:
    """Tell that nobody is there (RFC 3834)."""
    content = f"""From: <{taken.recipient}>
To: <{taken.reverse_path}>
Subject: Auto: out of office
Date: {_now()}
Message-ID: <{uuid.uuid4()}@{HOST}>
Auto-Submitted: auto-replied
Precedence: bulk

I am away until Monday, and do not read mail.
"""
    return Letter("", taken.reverse_path, _octets(content))


WRITERS: dict[Outcome, Callable[[Taken], Letter]] = {
    Outcome.LATE_BOUNCE: bounce,
    Outcome.COMPLAINED: complaint,
    Outcome.AUTO_REPLY: auto_reply,
}


def _report(taken: Taken, fields: str, subject: str, kind: str, text: str, told: str) -> bytes:
    """Return a multipart/report (RFC 6522): a text, what machines read, the original's header."""
    boundary = uuid.uuid4().hex
    return _octets(f"""{fields}To: <{taken.reverse_path}>
Subject: {subject}
Date: {_now()}
Message-ID: <{boundary}@{HOST}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"

--{boundary}
Content-Type: text/plain; charset=us-ascii

{text}
--{boundary}
Content-Type: message/{kind}

{told}
--{boundary}
Content-Type: text/rfc822-headers

{taken.header}

--{boundary}--
""")


def _now() -> str:
    return format_datetime(datetime.now(UTC))


def _octets(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
