"""Take an abuse report that came to the address of a feedback loop: `manage.py feedback < MAIL`."""

import argparse
import os
from typing import BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from messages import feedback_loops
from messages.feedback_loops import NotTaken
from messages.reports.mail import MAX_OCTETS


class Command(BaseCommand):
    help = (
        "Take an abuse report (RFC 5965) from a file or standard input. It must return a message of"
        " ours with its reverse-path. Exits with 65 where it does not, 75 where PostgreSQL is away:"
        " mail servers then send it back, or try again."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", type=argparse.FileType("rb"))

    def handle(self, *args: object, file: BinaryIO, **options: object) -> None:
        with file:
            content = file.read(MAX_OCTETS)  # what comes behind it is not looked at
        try:
            recipient_id = feedback_loops.take(content)
        except NotTaken as refusal:
            raise CommandError(f"{refusal}.", returncode=os.EX_DATAERR) from None
        except Error as error:
            text = f"PostgreSQL does not take it, try again: {error}"
            raise CommandError(text, returncode=os.EX_TEMPFAIL) from None
        self.stdout.write(f"Taken, about recipient {recipient_id}.")
