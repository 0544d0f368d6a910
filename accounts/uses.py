"""When, from where and by what program a credential was used last, for people to look at."""

import ipaddress
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import Credential

# Noted at most so often: no request and no message waits for it.
NOTE_EVERY = timedelta(minutes=1)
LONGEST_PROGRAM = 200


def is_stale(last_used_at: datetime | None, now: datetime) -> bool:
    """Say whether a use now is to be noted."""
    return last_used_at is None or last_used_at <= now - NOTE_EVERY


def note(credential_id: int, address: str, program: str) -> None:
    """Keep a use: the client's address, and its User-Agent or EHLO name."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTE_EVERY)
    # Guarded: of many uses at once, one is written.
    Credential.objects.filter(stale, pk=credential_id).update(
        last_used_at=now, last_used_from=_address(address), last_used_by=_program(program)
    )


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None  # a Unix socket has none


def _program(name: str) -> str:
    # PostgreSQL takes neither NUL nor lone surrogates.
    return name.replace("\0", "").encode(errors="replace").decode()[:LONGEST_PROGRAM]
