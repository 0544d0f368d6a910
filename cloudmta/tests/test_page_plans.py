"""No page reads a whole big table, and none asks more often because there is more mail."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from cloudmta import demo_history
from cloudmta.demo import DOMAIN
from messages.models import Message
from messages.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

# Those that grow with the mail.
BIG = (
    "mail_message", "mail_recipient", "mail_attempt", "mail_content", "mail_refusal",
    "events_event", "events_tally", "events_domaintally", "events_deliverytime",
    "events_suppression", "events_webhookbatch", "events_webhookpost",
)  # fmt: skip
# The most queries that each page may take, whatever it shows.
PAGES = {
    "/": 20,
    "/?period=30d&tag=order": 20,
    "/messages/": 9,
    "/messages/?tag=order&class=standard": 11,
    "/messages/?state=bounced": 11,
    "/messages/?event=complaint": 11,
    "/messages/?domain=news.demo.cloudmta.test": 11,
    "/messages/?query=ada.berg1%40webmail.example": 11,
    "/messages/?query=%40webmail.example": 11,
    "/messages/?query=order+confirmed": 11,
    "/messages/refused/": 9,
    "/analytics/": 9,
    "/analytics/?by=class&tag=order": 9,
    "/analytics/?by=domain": 9,
    "/analytics/?by=destination": 9,
    "/analytics/?destination=webmail.example": 9,
    "/analytics/?domain=news.demo.cloudmta.test": 9,
    "/analytics/?period=7d&interval=hour&class=priority": 9,
    "/analytics/volume.csv": 9,
    "/analytics/shares.csv": 9,
    "/suppressions/": 9,
    "/suppressions/?query=ada": 9,
    "/volume/": 20,
    "the newest message": 20,
}


@pytest.fixture
def account():
    """A small month of one account, and the same again of another."""
    for name in ("Other", "Shop"):
        account = Account.objects.create(name=name)
        credential = account.credentials.create(name=name, username=f"plans-{name}")
        demo_history.fill(account, credential, DOMAIN, 10, 300, lambda line: None)
    return account


def test_no_page_reads_a_whole_big_table_or_asks_without_end(client, account):
    client.force_login(UserFactory(account=account))
    newest = Message.objects.filter(account=account).latest("id")
    places = {"the newest message": f"/messages/{newest.id}/"}
    faults = []
    for page, most in PAGES.items():
        with CaptureQueriesContext(connection) as asked:
            response = client.get(places.get(page, page))
        assert response.status_code == 200, page
        if len(asked) > most:
            faults.append(f"{page} takes {len(asked)} queries")
        faults += [
            f"{page} reads all of {table}: {query['sql'][:300]}"
            for query in asked
            for table in read_whole(query["sql"])
        ]

    assert not faults, "\n".join(faults)


def read_whole(sql):
    """The big tables that a query reads from one end to the other, even if that costs a lot."""
    if not sql.startswith(("SELECT", "WITH")):
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("SET LOCAL enable_seqscan = on")
    return set(BIG) & set(re.findall(r"Seq Scan on (\w+)", plan))


def test_what_reads_a_whole_table_is_seen():
    assert read_whole("SELECT * FROM mail_message WHERE subject LIKE '%x%'") == {"mail_message"}
