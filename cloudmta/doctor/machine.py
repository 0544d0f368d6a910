"""The machine that this runs on: its disk, its clock, and the certificate that clients see."""

import ctypes
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from cloudmta.doctor.finding import Finding, fine, warning, wrong
from messages import certificates

GIBIBYTE = 1024**3
# Less free space than this is trouble tomorrow, or today.
LOW, EMPTY = 5 * GIBIBYTE, GIBIBYTE
# Seconds by which two clocks may differ; retries, tokens and DKIM signatures bear times.
SKEW = 5
# What adjtimex(2) returns where nobody sets the clock.
TIME_ERROR = 5
# Days before the end of a certificate at which clients should not have to find out.
EXPIRES_SOON = 14


def look_at_disk() -> Iterator[Finding]:
    """Look at the room for certificates and, where they are embedded, the databases."""
    directory = next(one for one in (settings.VAR_DIR, *settings.VAR_DIR.parents) if one.exists())
    free = shutil.disk_usage(directory).free
    text = f"{free / GIBIBYTE:.1f} GiB are free at {directory}"
    if free < EMPTY:
        yield wrong("Disk", text, "Free some: PostgreSQL stops taking mail on a full disk.")
    elif free < LOW:
        yield warning("Disk", text, "Free some, or shorten how long content is kept.")
    else:
        yield fine("Disk", text)


def look_at_clock() -> Iterator[Finding]:
    """Compare our clock with that of PostgreSQL, and ask the kernel whether anybody sets it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            skew = abs((datetime.now(UTC) - cursor.fetchone()[0]).total_seconds())
    except DatabaseError:
        skew = 0
    if skew > SKEW:
        yield wrong(
            "Clock",
            f"This machine and PostgreSQL's differ by {skew:.0f} s",
            "Run a time service (chrony or systemd-timesyncd) on both.",
        )
    elif _nobody_sets_the_clock():
        yield warning(
            "Clock",
            "No time service sets the clock of this machine",
            "Run chrony or systemd-timesyncd; receivers distrust mail from the future.",
        )
    else:
        yield fine("Clock", "It agrees with PostgreSQL's")


def _nobody_sets_the_clock() -> bool:
    if sys.platform != "linux":
        return False
    # A struct timex of zeros asks and changes nothing; 256 octets are more than it has anywhere.
    return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(256)) == TIME_ERROR)


def look_at_certificate() -> Iterator[Finding]:
    """Look at how long the certificate of the SMTP doors is still good."""
    try:
        path = certificates.certificate_file()
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError, ImproperlyConfigured) as error:
        text = f"That of the SMTP doors cannot be read: {str(error).rstrip('.')}"
        yield wrong("Certificate", text, "See TLS_CERTIFICATE_FILE and VAR_DIR.")
        return
    days = (certificate.not_valid_after_utc - datetime.now(UTC)).days
    text = f"The certificate of the SMTP doors is good for {days} days"
    if days < 0:
        yield wrong("Certificate", "The certificate of the SMTP doors has expired", "Renew it.")
    elif days < EXPIRES_SOON and settings.TLS_CERTIFICATE_FILE:
        yield warning("Certificate", text, "Renew it, and start the doors again.")
    else:
        yield fine("Certificate", text)
