"""What a server had said last to somebody who expires now, where the end itself was silence.

"No answer in time" says less than the "450 greylisted" of an hour before (delivery R1).
"""

from collections.abc import Sequence

from django.db import connection

from messages.smtp.replies import Reply, split_status

# An attempt whose reply stands in its dialogue as the server's; others end with words of ours.
REMOTE = """
    SELECT DISTINCT ON (recipient_id) recipient_id, reply FROM mail_attempt
     WHERE recipient_id = ANY(%s) AND strpos(dialogue, 'S: ' || reply) > 0
     ORDER BY recipient_id, id DESC
"""


def of(recipient_ids: Sequence[int]) -> dict[int, Reply]:
    """Return by recipient the last reply that a server gave; many were never answered."""
    with connection.cursor() as cursor:
        cursor.execute(REMOTE, [list(recipient_ids)])
        return {recipient_id: _read(text) for recipient_id, text in cursor.fetchall()}


def _read(text: str) -> Reply:
    code = int(text[:3])
    status, rest = split_status(code, text[4:])
    return Reply(code, status, rest, is_remote=True)
