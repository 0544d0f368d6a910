from datetime import timedelta

import pytest
from django.utils import timezone

from events import suppressions
from events.models import Suppression
from events.suppressions import Entry

Reason = Suppression.Reason
LIST = "suppressions"


def put(caller, address="carol@example.net", reason=Reason.MANUAL, **fields):
    suppressions.put(caller.account, [Entry(address, reason, **fields)])
    return Suppression.objects.get(account=caller.account, address=address)


def addresses(response):
    assert response.status_code == 200, response.content
    return [row["address"] for row in response.json()["data"]]


def on_list(caller):
    return set(Suppression.objects.filter(account=caller.account).values_list("address", flat=True))


class TestPutting:
    def test_one_is_created_in_its_normal_form(self, alice):
        body = {"address": "Carol@EXAMPLE.net", "note": "asked us to"}

        response = alice.call("post", LIST, body)

        shown = response.json()
        assert response.status_code == 201
        assert (shown["address"], shown["reason"]) == ("carol@example.net", "manual")
        assert (shown["note"], shown["expires_at"], shown["message_id"]) == (
            "asked us to", None, None,
        )  # fmt: skip
        assert alice.call("get", f"{LIST}/carol@example.net").json() == shown

    def test_again_it_is_renewed(self, alice):
        alice.call("post", LIST, {"address": "carol@example.net"})

        response = alice.call("post", LIST, {"address": "carol@example.net", "note": "again"})

        assert (response.status_code, response.json()["note"]) == (200, "again")
        assert Suppression.objects.count() == 1

    def test_a_complaint_stays_what_it_is(self, alice):
        put(alice, reason=Reason.COMPLAINT)

        response = alice.call("post", LIST, {"address": "carol@example.net", "note": "x"})

        assert (response.status_code, response.json()["reason"]) == (200, "complaint")

    def test_a_list_is_counted(self, alice):
        put(alice, "old@example.net")
        put(alice, "angry@example.net", Reason.COMPLAINT)
        body = {"addresses": ["new@example.net", "OLD@example.net", "angry@example.net"]}

        response = alice.call("post", LIST, body)

        assert response.json() == {"added": 1, "renewed": 1, "kept": 1}

    def test_of_a_list_with_a_bad_one_none_is_taken(self, alice):
        body = {"addresses": ["new@example.net", "nobody"]}

        response = alice.call("post", LIST, body)

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/addresses/1"
        assert on_list(alice) == set()

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/address"), ({"address": "nobody"}, "/address"),
            ({"addresses": []}, "/addresses"),
            ({"address": "a@x.example", "addresses": ["b@x.example"]}, "/address"),
            ({"addresses": ["a@x.example"] * 1001}, "/addresses"),
            ({"addresses": "a@x.example"}, "/addresses"),
            ({"address": "a@x.example", "note": "x" * 1001}, "/note"),
            ({"address": "a@x.example", "expires_at": "soon"}, "/expires_at"),
            ({"address": "a@x.example", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
            ({"address": "a@x.example", "reason": "bounce"}, "/reason"),
        ],
    )  # fmt: skip
    def test_wrong_fields_are_named(self, alice, body, pointer):
        response = alice.call("post", LIST, body)

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == pointer


class TestLooking:
    def test_newest_first_by_pages(self, alice):
        for n in range(3):
            put(alice, f"carol{n}@example.net")

        first = alice.call("get", f"{LIST}?limit=2")
        second = alice.call("get", f"{LIST}?limit=2&after={first.json()['next_cursor']}")

        assert addresses(first) == ["carol2@example.net", "carol1@example.net"]
        assert addresses(second) == ["carol0@example.net"]

    def test_by_reason_and_by_how_the_address_begins(self, alice):
        put(alice, "carol@example.net")
        put(alice, "dave@example.net", Reason.BOUNCE)

        assert addresses(alice.call("get", f"{LIST}?reason=bounce")) == ["dave@example.net"]
        assert addresses(alice.call("get", f"{LIST}?query=CAR")) == ["carol@example.net"]
        assert addresses(alice.call("get", f"{LIST}?query=%25")) == []

    def test_expired_ones_are_gone(self, alice):
        put(alice, expires_at=timezone.now() - timedelta(seconds=1))

        assert addresses(alice.call("get", LIST)) == []
        assert alice.call("get", f"{LIST}/carol@example.net").status_code == 404

    @pytest.mark.parametrize("path", ["a%2Fb%2Bc%3F@example.net", "a/b+c%3F@example.net"])
    def test_an_address_may_hold_what_urls_have_a_use_for(self, alice, path):
        put(alice, "a/b+c?@example.net")

        shown = alice.call("get", f"{LIST}/{path}").json()

        assert shown["address"] == "a/b+c?@example.net"

    @pytest.mark.parametrize("path", ["nobody@example.net", "nobody", "%00@example.net", "@"])
    def test_what_is_not_there_is_not_found(self, alice, path):
        assert alice.call("get", f"{LIST}/{path}").status_code == 404
        assert alice.call("delete", f"{LIST}/{path}").status_code == 404

    @pytest.mark.parametrize("query", ["reason=spam", "query=%00", "limit=x", "after=x", "q=x"])
    def test_strange_questions_are_refused(self, alice, query):
        assert alice.call("get", f"{LIST}?{query}").status_code == 422


class TestRemoving:
    def test_it_is_gone(self, alice):
        put(alice)

        assert alice.call("delete", f"{LIST}/Carol@example.net").status_code == 204
        assert on_list(alice) == set()

    def test_a_complaint_is_for_staff(self, alice):
        put(alice, reason=Reason.COMPLAINT)

        response = alice.call("delete", f"{LIST}/carol@example.net")

        assert (response.status_code, response.json()["code"]) == (403, "complaint_stays")
        assert on_list(alice) == {"carol@example.net"}


class TestFile:
    def send(self, caller, text, content_type="text/csv; charset=utf-8"):
        octets = text if isinstance(text, bytes) else text.encode()
        return caller.call("post", f"{LIST}.csv", octets, content_type=content_type)

    def text(self, caller, **extra):
        response = caller.call("get", f"{LIST}.csv", **extra)
        assert response.status_code == 200
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        return b"".join(response.streaming_content).decode()

    def test_good_rows_are_taken_and_bad_ones_reported(self, alice):
        response = self.send(alice, "address,reason\na@x.example,bounce\nnobody\nb@x.example\n")

        report = response.json()
        assert response.status_code == 200
        assert (report["added"], report["refused"]) == (2, 1)
        assert report["errors"] == [{"line": 3, "detail": "'nobody' is not an address"}]
        assert on_list(alice) == {"a@x.example", "b@x.example"}

    def test_doing_it_twice_changes_nothing(self, alice):
        text = "a@x.example,bounce,full\nb@x.example,complaint\n"
        self.send(alice, text)
        before = self.text(alice)

        report = self.send(alice, text).json()

        assert (report["added"], report["renewed"], report["kept"]) == (0, 1, 1)
        assert self.text(alice) == before

    def test_what_was_exported_comes_back(self, alice, bob):
        put(alice, "=cmd@example.net", note="=1+1")
        put(alice, "dave@example.net", Reason.BOUNCE, expires_at=timezone.now() + timedelta(1))

        text = self.text(alice, HTTP_ACCEPT="text/csv")
        assert self.send(bob, text).json()["added"] == 2

        assert self.text(bob) == text
        assert "'=cmd@example.net,manual,'=1+1," in text

    def test_an_account_exports_its_own_only(self, alice, bob):
        put(bob)

        assert self.text(alice) == "address,reason,note,expires_at\r\n"

    def test_a_file_of_many_is_taken_in_batches(self, alice):
        rows = "".join(f"user{n}@x.example\n" for n in range(5_001))

        assert self.send(alice, rows).json()["added"] == 5_001
        assert len(self.text(alice).splitlines()) == 5_002

    def test_errors_are_listed_to_a_limit_and_counted_all(self, alice):
        report = self.send(alice, "nobody\n" * 1_500).json()

        assert (report["refused"], len(report["errors"])) == (1_500, 1_000)

    def test_what_is_no_csv_of_ours_is_refused(self, alice):
        assert self.send(alice, b"\xff").json()["code"] == "invalid_csv"
        assert self.send(alice, "{}", "application/json").status_code == 415
        assert self.send(alice, b"x" * (5 * 1024 * 1024 + 1)).status_code == 413

    def test_an_empty_file_does_nothing(self, alice):
        assert self.send(alice, b"").json()["added"] == 0


class TestWhoMay:
    def test_another_accounts_list_is_not_touched(self, alice, bob):
        put(bob)

        assert addresses(alice.call("get", LIST)) == []
        for method in ("get", "delete"):
            assert alice.call(method, f"{LIST}/carol@example.net").status_code == 404
        alice.call("post", LIST, {"address": "carol@example.net", "note": "Alice's"})
        assert alice.call("delete", f"{LIST}/carol@example.net").status_code == 204
        assert on_list(bob) == {"carol@example.net"}

    @pytest.mark.parametrize(
        ("method", "path", "scopes"),
        [
            ("get", LIST, ["send", "admin"]), ("post", LIST, ["send", "read"]),
            ("get", f"{LIST}/a@x.example", ["admin"]), ("delete", f"{LIST}/a@x.example", ["read"]),
            ("get", f"{LIST}.csv", ["admin"]), ("post", f"{LIST}.csv", ["read"]),
        ],
    )  # fmt: skip
    def test_each_call_needs_its_scope(self, alice, method, path, scopes):
        credential, secret = alice.make(scopes=scopes)

        response = alice.call(method, path, name=credential.username, secret=secret)

        assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
