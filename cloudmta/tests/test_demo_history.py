"""A made-up month: it is plausible, the books add up, and nothing of it can reach a person."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Account
from accounts.volume import VolumeDay
from cloudmta import demo_history
from cloudmta.demo import DOMAIN
from cloudmta.demo_history import HasHistory
from events.models import DeliveryTime, DomainTally, Event, Suppression, Tally, WebhookPost
from messages import audit
from messages.models import OPEN, Message, Recipient, Refusal

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES = 900


@pytest.fixture
def month():
    """A demo account with a small month of ten days."""
    account = Account.objects.create(name="Demo", requests_per_second=1)
    credential = account.credentials.create(name="Demo", username="0123456789abcdef")
    fill(account, credential)
    return account


def fill(account, credential):
    demo_history.fill(account, credential, DOMAIN, 10, MESSAGES, lambda line: None)


def test_it_adds_up_and_looks_like_ten_days_of_a_shop(month):
    books = audit.take()

    assert books.faults == []
    assert len(books.days) in (9, 10)  # just after midnight the last one has no mail yet
    assert Message.objects.count() == pytest.approx(MESSAGES, abs=10)
    assert books.states["delivered"] > 0.9 * books.accepted
    assert books.states["bounced"]
    assert {"order", "sign-in", "weekly"} <= set(Tally.objects.values_list("tag", flat=True))
    assert Event.objects.filter(timestamp__gt=timezone.now()).count() == 0
    assert Suppression.objects.exists()
    assert Refusal.objects.exists()
    assert WebhookPost.objects.exists()


def test_all_tallies_agree(month):
    def sums(rows):
        return dict(rows.values_list("kind").annotate(Sum("count")).order_by())

    whole = sums(Tally.objects.filter(tag=""))
    for side in DomainTally.Side:
        assert sums(DomainTally.objects.filter(side=side)) == whole
    times = DeliveryTime.objects.aggregate(sum=Sum("count"))
    assert times["sum"] == whole["delivery"]


def test_its_days_lead_to_what_the_account_may_send_now(month):
    days = VolumeDay.objects.filter(account=month).order_by("day")

    assert len(days) == 10
    assert all(day.used <= day.allowance for day in days)
    assert [day.decision == "" for day in days] == [*[False] * 9, True]
    assert month.allowance == days.last().allowance


def test_no_person_can_be_reached(month):
    domains = set(Recipient.objects.values_list("domain", flat=True))
    still_open = Recipient.objects.filter(state__in=OPEN)

    assert {domain.rpartition(".")[2] for domain in domains} <= {"example", "test"}
    assert {one.domain for one in still_open} <= {"sim.test"}


def test_a_second_month_is_refused(month):
    credential = month.credentials.get(name="Demo")

    with pytest.raises(HasHistory):
        fill(month, credential)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--history", "30"], "must be 1d to 90d, not '30'"),
        (["--history", "91d"], "must be 1d to 90d, not '91d'"),
        (["--messages", "5"], "give --history 30d too"),
        (["--history", "30d", "--messages", "0"], "must lie between 1 and 10,000,000"),
    ],
)
def test_the_command_says_what_it_wants(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("demo", *arguments)


def test_in_production_nothing_is_invented(settings):
    settings.DEVELOPMENT = False

    with pytest.raises(CommandError, match="for development only"):
        call_command("demo", "--history", "30d")


def test_it_spreads_over_the_days_and_ends_now():
    now = timezone.now()
    days = list(demo_history.mail.days(now, 30, 3000, set()))

    moments = [letter.at for day in days for letter in day]
    assert moments == sorted(moments)
    assert max(moments) < now
    assert len(days) == 30
    assert min(moments) < now - timedelta(days=28)
