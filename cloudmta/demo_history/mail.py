"""What a made-up shop sends in a month: which mail, when, to whom. Pure: no database."""

import math
import random
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.message_class import MessageClass

# Destinations and their share. All under names that nobody can ever own (RFC 2606), so that
# nothing of a demo reaches a person, whatever is done with it later.
PROVIDERS = {
    "webmail.example": 38, "freemail.example": 21, "mailbox.example": 12, "inbox.example": 8,
    "university.example": 4,
}  # fmt: skip
COMPANIES, COMPANY_SHARE = 400, 17
FIRST = (
    "ada", "ben", "carla", "daniel", "elif", "farah", "george", "hanna", "ivan", "jun", "kofi",
    "lena", "maria", "nils", "olga", "pavel", "quinn", "rosa", "samir", "tara", "uma", "victor",
    "wanda", "yusuf", "zoe",
)  # fmt: skip
LAST = (
    "acker", "berg", "costa", "diaz", "endo", "fischer", "garcia", "hansen", "ito", "jones",
    "kaya", "lopez", "meyer", "nowak", "okafor", "petit", "rossi", "silva", "tanaka", "weber",
)  # fmt: skip
# How busy the hours of a day are, UTC, for people in Europe; and the days of a week from Monday.
HOURS = (2, 1, 1, 1, 2, 4, 8, 14, 19, 21, 20, 19, 18, 18, 17, 17, 16, 15, 14, 13, 12, 10, 7, 4)
WEEKDAYS = (1.1, 1.05, 1.0, 1.0, 1.05, 0.65, 0.55)
GROWTH = 1.35  # from the first day to the last
# On one day addresses of doubtful origin were welcomed: a lesson that the charts show.
IMPORT_DAY, IMPORT_SHARE = 16, 0.12  # days ago; of that day's mail
# One message in thirty goes to a colleague as well.
SECOND_RECIPIENT = 1 / 30
# So often the shop overlooks that somebody is suppressed.
WRITTEN_TO_AGAIN = 0.04


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of mail that the shop sends."""

    name: str
    share: float
    message_class: MessageClass
    tags: tuple[str, ...]
    sender: str
    subject: Callable[[random.Random], str]
    opened: float  # by this part of its recipients
    clicked: float
    is_digest: bool = False  # sent on Mondays from eight o'clock on


def _order(chance: random.Random) -> str:
    return f"#{chance.randrange(10_000, 99_999)}"


STANDARD, PRIORITY, DIGEST = MessageClass.STANDARD, MessageClass.PRIORITY, MessageClass.DIGEST
SHOP, ACCOUNTS, WEEKLY = "Shop <orders@{0}>", "Shop <account@{0}>", "Shop weekly <hello@news.{0}>"
STREAMS = (
    Stream("order", 25, STANDARD, ("order", "receipt"), SHOP,
           lambda chance: f"Your order {_order(chance)} is confirmed", 0.62, 0.21),
    Stream("shipping", 21, STANDARD, ("order", "shipping"), SHOP,
           lambda chance: f"Your order {_order(chance)} is on its way", 0.66, 0.38),
    Stream("sign-in", 15, PRIORITY, ("sign-in",), ACCOUNTS,
           lambda chance: f"{chance.randrange(100_000, 999_999)} is your code", 0.44, 0.02),
    Stream("password", 7, PRIORITY, ("password-reset",), ACCOUNTS,
           lambda chance: "Reset your password", 0.58, 0.49),
    Stream("invoice", 11, STANDARD, ("invoice",), SHOP,
           lambda chance: f"Invoice {_order(chance)} for November", 0.49, 0.12),
    Stream("welcome", 6, STANDARD, ("welcome",), ACCOUNTS,
           lambda chance: "Welcome to the shop", 0.55, 0.24),
    Stream("review", 6, STANDARD, ("review",), SHOP,
           lambda chance: "How do you like what you bought?", 0.31, 0.07),
    Stream("weekly", 9, DIGEST, ("weekly",), WEEKLY,
           lambda chance: "This week in the shop", 0.27, 0.05, is_digest=True),
)  # fmt: skip
WELCOME = STREAMS[5]


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that the shop hands in."""

    at: datetime
    stream: Stream
    subject: str
    recipients: tuple[str, ...]
    is_doubtful: bool  # to addresses that nobody has confirmed


def days(
    now: datetime, count: int, messages: int, suppressed: Container[str]
) -> Iterator[list[Letter]]:
    """Return the letters of each day in the order of time; the last day ends now.

    Who is suppressed by the day is seldom written to again.
    """
    chance = random.Random(4711)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=ago) for ago in range(count - 1, -1, -1)]
    weights = [_weight(start, number / count) for number, start in enumerate(starts)]
    done = sum(HOURS[: now.hour]) + HOURS[now.hour] * now.minute / 60
    weights[-1] *= done / sum(HOURS)
    people = People(chance, max(messages // 8, 50), suppressed)
    for start, weight in zip(starts, weights, strict=True):
        amount = round(messages * weight / sum(weights))
        ago = (today - start).days
        letters = [_letter(chance, start, min(start + timedelta(days=1), now), people, ago)
                   for _ in range(amount)]  # fmt: skip
        yield sorted(letters, key=lambda letter: letter.at)


def _weight(day: datetime, age: float) -> float:
    return WEEKDAYS[day.weekday()] * (1 + (GROWTH - 1) * age)


SHARES = [stream.share for stream in STREAMS]


def _letter(
    chance: random.Random, start: datetime, end: datetime, people: "People", ago: int
) -> Letter:
    is_doubtful = ago == IMPORT_DAY and chance.random() < IMPORT_SHARE
    stream = WELCOME if is_doubtful else chance.choices(STREAMS, SHARES)[0]
    if stream.is_digest and start.weekday() != 0:
        stream = STREAMS[0]
    recipients = [people.stranger() if is_doubtful else people.somebody()]
    if chance.random() < SECOND_RECIPIENT:
        recipients.append(people.somebody())
    return Letter(
        at=_moment(chance, start, end, stream),
        stream=stream,
        subject=stream.subject(chance),
        recipients=tuple(dict.fromkeys(recipients)),
        is_doubtful=is_doubtful,
    )


def _moment(chance: random.Random, start: datetime, end: datetime, stream: Stream) -> datetime:
    if stream.is_digest:
        at = start + timedelta(hours=8, seconds=chance.random() * 3600)
        if at < end:
            return at
    hours = math.ceil((end - start) / timedelta(hours=1))
    while True:
        hour = chance.choices(range(hours), HOURS[:hours])[0]
        at = start + timedelta(hours=hour, seconds=chance.random() * 3600)
        if at < end:
            return at


class People:
    """Who gets mail: some of them often."""

    def __init__(self, chance: random.Random, count: int, suppressed: Container[str]) -> None:
        self._suppressed = suppressed
        self._chance = chance
        self._companies = [f"company{number}.example" for number in range(1, COMPANIES + 1)]
        self._addresses = [self._address(number) for number in range(count)]

    def somebody(self) -> str:
        while True:
            # Squared: the first of them buy more often than the last.
            address = self._addresses[int(self._chance.random() ** 2 * len(self._addresses))]
            if address not in self._suppressed or self._chance.random() < WRITTEN_TO_AGAIN:
                return address

    def stranger(self) -> str:
        """Somebody who was on a list that was bought."""
        return f"contact{self._chance.randrange(10**9)}@{self._domain()}"

    def _address(self, number: int) -> str:
        name = f"{self._chance.choice(FIRST)}.{self._chance.choice(LAST)}"
        return f"{name}{number}@{self._domain()}"

    def _domain(self) -> str:
        names: Sequence[str] = [*PROVIDERS, ""]
        name = self._chance.choices(names, [*PROVIDERS.values(), COMPANY_SHARE])[0]
        return name or self._companies[int(self._chance.random() ** 3 * COMPANIES)]
