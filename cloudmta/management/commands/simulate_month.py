"""Show how the volume of a new account grows in a month, by the part of its mail that bounces."""

import argparse

from django.core.management.base import BaseCommand, CommandError

from cloudmta import simulated_month
from cloudmta.simulated_month import Day
from cloudmta.startup import require_database

MAX_DAYS = 366


class Command(BaseCommand):
    help = "Show, day by day, what the plan and the ladder make of an account's bounces."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--bounces", type=float, nargs="+", default=[1, 3, 6, 12], metavar="PERCENT",
            help="of all recipients; one table each (1 3 6 12)",
        )  # fmt: skip
        parser.add_argument("--days", type=int, default=30, help="days to live (30)")
        parser.add_argument(
            "--ceiling", type=int, default=10_000, help="recipients a day that staff approved"
        )
        parser.add_argument(
            "--good-days", type=int, default=0, help="days before the first bounce (0)"
        )

    def handle(
        self,
        *args: object,
        bounces: list[float],
        days: int,
        ceiling: int,
        good_days: int,
        **options: object,
    ) -> None:
        if not all(0 <= percent <= 100 for percent in bounces):
            raise CommandError("--bounces takes percents, from 0 to 100.")
        if not 1 <= days <= MAX_DAYS or not 0 <= good_days <= MAX_DAYS:
            raise CommandError(f"--days and --good-days go up to {MAX_DAYS}.")
        if not 1 <= ceiling <= 10**9:
            raise CommandError("--ceiling is from 1 to 10^9.")
        require_database()
        for percent in bounces:
            self.stdout.write(f"\n{percent:g} % of all recipients bounce\n")
            self.stdout.write(HEADING)
            for day in simulated_month.simulate(percent / 100, days, ceiling, good_days):
                self.stdout.write(_line(day))


HEADING = (
    f"{'day':>3} {'allowance':>9} {'sent':>7} {'bounced':>7} {'7 days':>7}  {'standing':<8}  then"
)


def _line(day: Day) -> str:
    mails = [f"mail “{subject}”" for subject in day.mails]
    then = "; ".join([*day.steps, *mails, f"{day.decision}: {day.reason}"])
    return (
        f"{day.number:>3} {day.allowance:>9,} {day.sent:>7,} {day.bounced:>7,} {day.rate:>7.2%}"
        f"  {day.standing.label:<8}  {then}"
    )
