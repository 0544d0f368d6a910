"""Make the demo account, and write var/demo.json; with --history, fill it with a month of mail."""

import argparse
import re

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Account, Credential
from cloudmta import demo_history
from cloudmta.demo import DOMAIN, demo_file, ensure_demo, ensure_domain
from cloudmta.demo_history import MESSAGES_A_DAY, HasHistory
from cloudmta.startup import require_database

MAX_DAYS, MAX_MESSAGES = 90, 10_000_000


def days(text: str) -> int:
    """Return the number of days that `30d` means."""
    found = re.fullmatch(r"(\d{1,3})d", text)
    if not found or not 1 <= int(found[1]) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"must be 1d to {MAX_DAYS}d, not {text!r}")
    return int(found[1])


class Command(BaseCommand):
    help = "Make a demo account with a verified domain and a credential, and say how to use it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--history", type=days, metavar="30d", help="also fill it with mail of so many days"
        )
        parser.add_argument(
            "--messages", type=int, help=f"of the history; {MESSAGES_A_DAY} a day by default"
        )

    def handle(self, *args: object, **options: object) -> None:
        require_database()
        history, messages = options["history"], options["messages"]
        facts = ensure_demo()
        if isinstance(history, int):
            amount = messages if isinstance(messages, int) else history * MESSAGES_A_DAY
            self._fill(facts, history, amount)
        elif messages is not None:
            raise CommandError("--messages says how many --history makes; give --history 30d too.")
        self.stdout.write(f"The demo account is ready; how to use it stands in {demo_file()}.")

    def _fill(self, facts: dict[str, object], history: int, messages: int) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError("--history invents mail, so it is for development only.")
        if not 1 <= messages <= MAX_MESSAGES:
            raise CommandError(f"--messages must lie between 1 and {MAX_MESSAGES:,}.")
        account = Account.objects.get(public_id=facts["account_id"])
        credential = Credential.objects.get(username=facts["smtp_username"])
        ensure_domain(account, f"news.{DOMAIN}")
        try:
            demo_history.fill(account, credential, DOMAIN, history, messages, self.stdout.write)
        except HasHistory:
            raise CommandError(
                "The demo account has mail of earlier days already. Begin anew with an empty"
                " database, or look at what is there."
            ) from None
