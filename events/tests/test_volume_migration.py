"""What becomes of accounts that sent before there were allowances."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts import plan
from accounts.models import Account
from events.models import Tally

migration = import_module("events.migrations.0004_volume_of_existing_accounts")


@pytest.mark.django_db
def test_an_account_keeps_the_volume_of_its_best_day():
    busy, quiet = Account.objects.create(name="Busy"), Account.objects.create(name="Quiet")
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for days_ago, count in ((1, 2_500), (2, 300), (40, 90_000)):
        Tally.objects.create(
            account=busy, hour=now - timedelta(days=days_ago), message_class=1, tag="",
            kind=Tally.ACCEPTED, count=count,
        )  # fmt: skip

    with connection.schema_editor() as editor:
        migration.keep_volume(apps, editor)

    busy.refresh_from_db()
    quiet.refresh_from_db()
    assert (busy.allowance, busy.ceiling, plan.amount(busy.stage)) == (2_600, 2_600, 2_600)
    assert (quiet.allowance, quiet.ceiling) == (150, 2_000)


def test_the_plan_is_still_the_one_that_it_went_by():
    assert tuple(migration.STAGES[:30]) == plan.STAGES[:30]
