"""What a customer sees of submissions that were not taken."""

import re

import pytest
from django.urls import reverse

from accounts.authentication import create_credential
from messages import views_refusals
from messages.models import Refusal
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db

PAGE = reverse("message-refusals")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def alices():
    return AccountFactory(name="Alice's shop")


@pytest.fixture
def alice(alices, client):
    client.force_login(UserFactory(email="alice@alices.example", account=alices))
    return client


def refused(account, **fields):
    usual = {
        "door": "smtp", "reverse_path": "shop@alices.example", "cause": "spam",
        "recipients": ["carol@example.net"], "reply": "554 5.7.1 Message refused: content scored 9",
    }  # fmt: skip
    return Refusal.objects.create(account=account, **usual | fields)


def text_of(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def test_it_says_why_who_and_whence(alice, alices):
    credential, _ = create_credential(alices, "Till")
    refused(alices, credential=credential, client_address="192.0.2.7")

    text = text_of(alice.get(PAGE))

    for words in (
        "Content looks like spam", "554 5.7.1 Message refused: content scored 9",
        "shop@alices.example", "carol@example.net", "Till", "SMTP, 192.0.2.7",
    ):  # fmt: skip
        assert words in text
    assert f'href="{PAGE}"' in alice.get(reverse("message-list")).content.decode()


def test_it_shows_nothing_of_another_account(alice):
    refused(AccountFactory(name="Bob's"), reverse_path="bob@bobs.example")

    text = text_of(alice.get(PAGE))

    assert "bobs.example" not in text
    assert "Nothing was refused" in text


def test_what_strangers_wrote_is_text(alice, alices):
    refused(alices, reverse_path=HOSTILE, recipients=[HOSTILE], reply=HOSTILE, cause=HOSTILE)

    assert HOSTILE not in alice.get(PAGE).content.decode()


def test_it_goes_by_cause(alice, alices):
    refused(alices, reverse_path="spam@alices.example")
    refused(alices, cause="too_big", reverse_path="big@alices.example")

    text = text_of(alice.get(PAGE, {"cause": "too_big"}))

    assert "big@alices.example" in text
    assert "spam@alices.example" not in text


def test_it_pages_by_key(alice, alices, monkeypatch):
    monkeypatch.setattr(views_refusals, "PAGE", 2)
    for number in range(5):
        refused(alices, reverse_path=f"{number}@alices.example", cause="loop")

    seen, url = [], f"{PAGE}?cause=loop"
    while url:
        page = alice.get(url).content.decode()
        seen += re.findall(r"(\d)@alices", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        url = PAGE + older[1].replace("&amp;", "&") if older else ""

    assert seen == list("43210")


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", "before=9999999999999999999", "before=²", "cause=none"]
)
def test_what_is_no_page_is_not_found(alice, query):
    assert alice.get(f"{PAGE}?{query}").status_code == 404


def test_it_asks_as_often_for_many_as_for_one(alice, alices, django_assert_max_num_queries):
    for _ in range(10):
        refused(alices, credential=create_credential(alices, "Till")[0])

    with django_assert_max_num_queries(8):
        alice.get(PAGE)


def test_it_is_not_for_strangers(client):
    assert client.get(PAGE)["Location"].startswith(reverse("log-in"))
