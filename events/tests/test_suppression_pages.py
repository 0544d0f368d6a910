"""The suppression list in the browser: what is shown, what each role may do, files in and out."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.tests.people import Shop, text_of
from events import (
    suppression_file,
    suppression_import,
    suppression_pages,
    suppressions,
    upkeep,
)
from events.models import Suppression, SuppressionImport
from messages.tests.factories import AccountFactory, MessageFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST, ADD = reverse("suppression-list"), reverse("suppression-add")
EXPORT, IMPORT = reverse("suppression-export"), reverse("suppression-import")
HOSTILE = "<script>alert(1)</script>"
Reason = Suppression.Reason


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def developer(shop, client):
    client.force_login(shop.developer)
    return client


@pytest.fixture
def viewer(shop, client):
    client.force_login(shop.viewer)
    return client


def on_list(account, address="carol@example.net", **fields):
    return Suppression.objects.create(account=account, address=address, **fields)


def remove_url(one):
    return reverse("suppression-remove", args=[one.pk])


def upload(client, content, name="list.csv"):
    return client.post(IMPORT, {"file": SimpleUploadedFile(name, content)})


def taken(client, content):
    """What the page says of a file once a worker has taken it."""
    address = upload(client, content).url
    suppression_import.take_all()
    return client.get(address)


def of_import(one):
    return reverse("suppression-imported", args=[one.pk])


def test_it_says_who_why_and_which_message_showed_it(developer, shop):
    message = MessageFactory(account=shop.account)
    on_list(shop.account, reason=Reason.BOUNCE, note="550 no such user", message_id=message.id)

    response = developer.get(LIST)

    text = text_of(response)
    for words in ("carol@example.net", "bounced", "550 no such user", "for ever"):
        assert words in text
    assert reverse("message-detail", args=[message.id]) in response.content.decode()


def test_what_has_expired_is_gone(developer, shop):
    on_list(shop.account, expires_at=timezone.now() - timedelta(seconds=1))

    assert "Nobody is on the list" in text_of(developer.get(LIST))


def test_it_finds_by_how_an_address_begins_and_by_reason(developer, shop):
    on_list(shop.account, "carol@example.net", reason=Reason.BOUNCE)
    on_list(shop.account, "carl@example.net", reason=Reason.COMPLAINT)
    on_list(shop.account, "dave@example.net", reason=Reason.BOUNCE)

    text = text_of(developer.get(LIST, {"query": "CAR", "reason": "bounce"}))

    assert "carol@" in text
    assert "carl@" not in text
    assert "dave@" not in text


def test_it_pages_by_key(developer, shop, monkeypatch):
    monkeypatch.setattr(suppression_pages, "PAGE", 2)
    for number in range(5):
        on_list(shop.account, f"p{number}@example.net")

    first = developer.get(LIST, {"query": "p"})
    second = developer.get(f"{LIST}{first.context['older']}")

    assert [one.address for one, _ in first.context["rows"]] == ["p4@example.net", "p3@example.net"]
    assert [one.address for one, _ in second.context["rows"]] == [
        "p2@example.net",
        "p1@example.net",
    ]
    assert "query=p" in second.context["older"]


@pytest.mark.parametrize("query", ["reason=spam", "before=x", "before=-1", "before=9" * 30])
def test_strange_questions_find_nothing(developer, query):
    assert developer.get(f"{LIST}?{query}").status_code == 404


def test_an_address_is_put_on_in_normal_form_and_written_down(developer, shop):
    developer.post(ADD, {"address": " Carol@BÜCHER.example ", "note": "asked by phone"})

    one = Suppression.objects.get()
    assert (one.address, one.note) == ("carol@xn--bcher-kva.example", "asked by phone")
    assert AuditEntry.objects.get().verb == "suppressed"


def test_what_is_no_address_is_said_and_stays_in_the_form(developer):
    response = developer.post(ADD, {"address": "carol"})

    assert response.status_code == 422
    assert 'value="carol"' in response.content.decode()
    assert not Suppression.objects.exists()


def test_it_is_taken_off_after_one_question(developer, shop):
    one = on_list(shop.account, reason=Reason.BOUNCE)

    question = text_of(developer.get(remove_url(one)))
    assert "Send to carol@example.net again?" in question
    assert "counts against your reputation" in question
    assert Suppression.objects.exists()

    developer.post(remove_url(one))
    assert not Suppression.objects.exists()


def test_a_complaint_stays(developer, shop):
    one = on_list(shop.account, reason=Reason.COMPLAINT)

    text = text_of(developer.post(remove_url(one), follow=True))

    assert "only our staff can take the address off" in text
    assert Suppression.objects.exists()


def test_a_file_goes_out_and_comes_back(developer, shop):
    on_list(shop.account, "=carol@example.net", note="-1")
    file = b"".join(developer.get(EXPORT).streaming_content)
    Suppression.objects.all().delete()

    text = text_of(taken(developer, file))

    assert "New on the list 1" in text
    one = Suppression.objects.get()
    assert (one.address, one.note) == ("=carol@example.net", "-1")


def test_bad_lines_are_named_and_the_others_taken(developer, shop):
    text = text_of(taken(developer, b"address\ncarol@example.net\nnobody\n"))

    assert "New on the list 1" in text
    assert "Left out 1" in text
    assert "3" in text
    assert AuditEntry.objects.get().thing == "list.csv"


class TestWatching:
    @pytest.fixture
    def one(self, developer):
        upload(developer, b"carol@example.net\ndave@example.net\n")
        return SuppressionImport.objects.get()

    def test_until_a_worker_comes_the_page_says_so_and_looks_again(self, developer, one):
        response = developer.get(of_import(one))

        assert "It begins within seconds" in text_of(response)
        assert 'hx-trigger="load delay:1s"' in response.content.decode()

    def test_it_says_how_far_it_is(self, developer, one, monkeypatch):
        pages = []

        def take(account, rows):
            for _ in rows:
                pages.append(text_of(developer.get(of_import(one), headers={"HX-Request": "true"})))
            return suppression_file.Report(added=2)

        monkeypatch.setattr(suppression_import, "TELL_EVERY", 1)
        monkeypatch.setattr(suppression_file, "take", take)
        suppression_import.take_all()

        assert "33 % is read" in pages[1]

    def test_when_it_is_done_it_looks_no_more_and_tells_a_reader(self, developer, one):
        suppression_import.take_all()

        page = developer.get(of_import(one), headers={"HX-Request": "true"}).content.decode()

        assert "hx-trigger" not in page
        assert "2 are new on the list, 0 were left out." in page
        assert SuppressionImport.objects.get().content is None

    def test_a_worker_that_fails_has_done_nothing_and_the_next_does_all(self, one, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(suppression_file, "BATCH", 1)
            patched.setattr(suppressions, "put", fails_at_the_second(suppressions.put))
            with pytest.raises(OperationalError):
                suppression_import.take_all()
        assert not Suppression.objects.exists()

        suppression_import.take_all()
        assert Suppression.objects.count() == 2

    def test_one_file_at_a_time(self, developer, one):
        response = upload(developer, b"erin@example.net")

        assert response.url == of_import(one)
        assert "One file at a time" in text_of(developer.get(response.url))
        assert SuppressionImport.objects.count() == 1

    def test_another_account_finds_nothing(self, client, one):
        client.force_login(UserFactory(account=AccountFactory()))

        assert client.get(of_import(one)).status_code == 404

    def test_the_report_goes_in_time(self, one):
        suppression_import.take_all()
        SuppressionImport.objects.update(created_at=timezone.now() - timedelta(days=15))

        upkeep.prune()

        assert not SuppressionImport.objects.exists()


def fails_at_the_second(put):
    calls = []

    def failing(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise OperationalError("The server is gone")
        return put(*arguments)

    return failing


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe", "not UTF-8"), (b"", "empty"), (b"a" * (5 * 1024 * 1024 + 1), "more than 5 MB")],
)
def test_what_is_no_list_is_said(developer, content, words):
    response = upload(developer, content)

    assert response.status_code == 422
    assert words in text_of(response)


def test_what_strangers_wrote_is_text(developer, shop):
    on_list(shop.account, f'"{HOSTILE}"@example.net', note=HOSTILE)

    assert HOSTILE not in developer.get(LIST).content.decode()
    assert HOSTILE not in taken(developer, HOSTILE.encode()).content.decode()


def test_a_viewer_looks_and_changes_nothing(viewer, shop):
    one = on_list(shop.account)

    assert "carol@example.net" in text_of(viewer.get(LIST))
    assert viewer.get(EXPORT).status_code == 200
    assert "Put it on" not in text_of(viewer.get(LIST))
    assert viewer.post(ADD, {"address": "x@example.net"}).status_code == 403
    assert viewer.get(remove_url(one)).status_code == 403
    assert viewer.post(remove_url(one)).status_code == 403
    assert upload(viewer, b"x@example.net").status_code == 403
    assert list(Suppression.objects.all()) == [one]


def test_nobody_sees_or_touches_another_list(client, shop):
    bobs = AccountFactory()
    client.force_login(UserFactory(account=bobs))
    one = on_list(shop.account)

    assert "carol@" not in text_of(client.get(LIST))
    assert b"carol@" not in b"".join(client.get(EXPORT).streaming_content)
    assert client.get(remove_url(one)).status_code == 404
    assert client.post(remove_url(one)).status_code == 404
    assert Suppression.objects.filter(pk=one.pk).exists()


@pytest.mark.parametrize("url", [LIST, EXPORT])
def test_who_is_logged_out_logs_in_first(client, url):
    assert client.get(url).url.startswith(reverse("account_login"))
