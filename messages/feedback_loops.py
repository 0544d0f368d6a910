"""Take abuse reports that providers send to an address of the operator's, not to the bounce door.

An operator registers one address with a feedback loop, and whoever knows it can write there. What
proves that a report is about mail of ours is the reverse-path of the message that it returns: the
token in it was made by us, for one recipient.
"""

from messages import bounce_address, incoming, reports
from messages.incoming import Standing


class NotTaken(Exception):
    """A report tells of no message that we could look up. Says why."""


def take(content: bytes) -> int:
    """Store a report, to be read like those that come to the door, and return whose it is.

    One that comes a second time is stored once. Raises NotTaken.
    """
    reverse_path = _reverse_path(content)
    recipient_id = bounce_address.read(reverse_path)
    if recipient_id is None:
        raise NotTaken(
            "This is no abuse report that returns a message of ours with its reverse-path"
            " (Original-Mail-From, or Return-Path)"
        )
    match incoming.standing(recipient_id, reverse_path.rpartition("@")[2]):
        case Standing.UNKNOWN:
            raise NotTaken("The message that this is about is gone, or its sender domain")
        case Standing.SATURATED:
            raise NotTaken("There are too many reports about this recipient already")
    incoming.store([incoming.received(recipient_id, "", None, content)])
    return recipient_id


def _reverse_path(content: bytes) -> str:
    """Return the reverse-path of the message that a complaint is about; "": it is none."""
    complaints = (one for one in reports.read(content) if one.kind == "complaint")
    return next((one.original.reverse_path for one in complaints), "")
