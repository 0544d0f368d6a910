import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.allowance import resets_at, today
from accounts.models import Credential
from accounts.volume import VolumeDay


def created(caller, **fields):
    response = caller.call("post", "credentials", {"name": "shop"} | fields)
    assert response.status_code == 201, response.content
    return response.json()


def notices(queries):
    return [one["sql"] for one in queries.captured_queries if "pg_notify" in one["sql"]]


def limited(caller, **fields):
    """Return a call that uses a narrower credential of the same account."""
    credential, secret = caller.make("limited", **{"scopes": ["read", "admin"]} | fields)

    def call(method, path, body=None):
        return caller.call(method, path, body, name=credential.username, secret=secret)

    call.username = credential.username
    return call


class TestMaking:
    def test_its_secret_is_shown_once_and_works(self, alice):
        made = created(alice)

        answer = alice.call("get", "account", name=made["username"], secret=made["secret"])
        assert answer.status_code == 200
        shown = alice.call("get", f"credentials/{made['username']}").json()
        del made["secret"], made["last_used_at"], made["last_used_from"]
        assert shown.pop("last_used_at")
        assert shown.pop("last_used_from") == "127.0.0.1"
        assert shown == made

    def test_scanners_know_it_and_no_url_has_to_escape_it(self, alice):
        assert re.fullmatch(r"cmta_[A-Za-z0-9]{24}", created(alice)["secret"])

    def test_it_may_send_and_read_unless_asked_otherwise(self, alice):
        made = created(alice)

        assert made["scopes"] == ["send", "read"]
        assert (made["domains"], made["is_test"], made["is_relay"]) == ([], False, False)

    def test_it_is_what_was_asked_for(self, alice):
        made = created(
            alice, scopes=["read", "send", "send"], is_test=True, is_relay=True,
            domains=["Shop.Alices.example.", "bücher.example"],
        )  # fmt: skip

        assert made["scopes"] == ["read", "send"]
        assert made["domains"] == ["shop.alices.example", "xn--bcher-kva.example"]
        assert (made["is_test"], made["is_relay"]) == (True, True)

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"name": ""}, "/name"),
            ({"name": "x" * 101}, "/name"),
            ({"name": None}, "/name"),
            ({"scopes": []}, "/scopes"),
            ({"scopes": ["root"]}, "/scopes/0"),
            ({"scopes": "send"}, "/scopes"),
            ({"domains": ["a b"]}, "/domains"),
            ({"domains": ["x" * 64 + ".example"]}, "/domains"),
            ({"domains": [""]}, "/domains/0"),
            ({"is_test": "perhaps"}, "/is_test"),
            ({"username": "f" * 16}, "/username"),
            ({"secret": "mine"}, "/secret"),
        ],
    )
    def test_what_is_wrong_is_named(self, alice, fields, pointer):
        response = alice.call("post", "credentials", {"name": "shop"} | fields)

        assert response.status_code == 422
        assert [one["pointer"] for one in response.json()["errors"]] == [pointer]

    def test_nothing_is_looked_at_in_a_list_too_long(self, alice):
        answer = alice.call("post", "credentials", {"name": "x", "domains": [{}] * 101})

        (fault,) = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/domains", "max_length")

    def test_reading_does_not_suffice(self, alice):
        reader = limited(alice, scopes=["read", "send"])

        assert reader("get", "credentials").status_code == 200
        for method, path in (
            ("post", "credentials"),
            ("patch", f"credentials/{reader.username}"),
            ("delete", f"credentials/{reader.username}"),
            ("post", f"credentials/{reader.username}/rotate"),
        ):
            assert reader(method, path).json()["code"] == "scope_missing"


class TestNobodyGivesWhatHeHasNot:
    @pytest.mark.parametrize(
        ("mine", "wanted", "pointer"),
        [
            ({}, {"scopes": ["send"]}, "/scopes"),
            ({"domains": ["a.example"]}, {"domains": []}, "/domains"),
            ({"domains": ["a.example"]}, {"domains": ["a.example", "b.example"]}, "/domains"),
            ({"is_test": True}, {"is_test": False}, "/is_test"),
        ],
    )
    def test_neither_to_others_nor_to_itself(self, alice, mine, wanted, pointer):
        call = limited(alice, **mine)

        for answer in (
            call("post", "credentials", {"name": "x"} | wanted),
            call("patch", f"credentials/{call.username}", wanted),
        ):
            assert answer.status_code == 403
            assert answer.json()["errors"][0]["pointer"] == pointer

    def test_what_it_makes_is_as_narrow_as_itself(self, alice):
        call = limited(alice, domains=["a.example"], is_test=True)

        made = call("post", "credentials", {"name": "x"}).json()

        assert (made["scopes"], made["domains"], made["is_test"]) == (["read"], ["a.example"], True)

    @pytest.mark.parametrize("mine", [{}, {"domains": ["a.example"]}, {"is_test": True}])
    def test_it_gets_no_secret_of_a_wider_one(self, alice, mine):
        wider = alice.credential
        call = limited(alice, **mine)

        response = call("post", f"credentials/{wider.username}/rotate")

        assert response.status_code == 403
        assert alice.call("get", "account").status_code == 200

    def test_it_rotates_its_equals(self, alice):
        mine = {"domains": ["a.example"], "is_test": True}
        call = limited(alice, **mine)
        equal, _ = alice.make(scopes=["read"], **mine)

        assert call("post", f"credentials/{equal.username}/rotate").status_code == 200


class TestChanging:
    def test_only_what_is_named_changes(self, alice):
        made = created(alice)
        del made["secret"]

        changed = alice.call("patch", f"credentials/{made['username']}", {"is_relay": True}).json()

        assert changed == made | {"is_relay": True}

    def test_no_field_changes_nothing(self, alice):
        made = created(alice)

        assert alice.call("patch", f"credentials/{made['username']}", {}).status_code == 200

    def test_every_process_is_told(self, alice):
        address = f"credentials/{created(alice)['username']}"

        for method, path, body in (
            ("patch", address, {"is_test": True}),
            ("post", f"{address}/rotate", None),
            ("delete", address, None),
        ):
            with CaptureQueriesContext(connection) as queries:
                alice.call(method, path, body)
            assert str(alice.account.pk) in notices(queries)[0]


class TestRotation:
    def test_both_secrets_are_good_for_a_day(self, alice):
        response = alice.call("post", f"credentials/{alice.credential.username}/rotate")

        body = response.json()
        until = datetime.fromisoformat(body["previous_secret_until"]) - timezone.now()
        assert timedelta(hours=23, minutes=59) < until <= timedelta(hours=24)
        assert body["previous_secret_until"].endswith("Z")
        assert alice.call("get", "account").status_code == 200
        assert alice.call("get", "account", secret=body["secret"]).status_code == 200

    def test_the_old_one_may_end_at_once(self, alice):
        path = f"credentials/{alice.credential.username}/rotate"

        body = alice.call("post", path, {"immediately": True}).json()

        assert body["previous_secret_until"] is None
        assert alice.call("get", "account").status_code == 401
        assert alice.call("get", "account", secret=body["secret"]).status_code == 200

    def test_of_three_secrets_the_oldest_ends(self, alice):
        path = f"credentials/{alice.credential.username}/rotate"
        second = alice.call("post", path).json()["secret"]
        third = alice.call("post", path, secret=second).json()["secret"]

        answers = [
            alice.call("get", "account", secret=one) for one in (alice.secret, second, third)
        ]

        assert [one.status_code for one in answers] == [401, 200, 200]


class TestRevoking:
    def test_it_ends_at_once(self, alice):
        made = created(alice)

        response = alice.call("delete", f"credentials/{made['username']}")

        assert (response.status_code, response.content) == (204, b"")
        answer = alice.call("get", "account", name=made["username"], secret=made["secret"])
        assert answer.status_code == 401
        assert alice.call("get", f"credentials/{made['username']}").status_code == 404
        assert alice.call("delete", f"credentials/{made['username']}").status_code == 404

    def test_it_stays_in_the_database(self, alice):
        alice.call("delete", f"credentials/{created(alice)['username']}")

        assert Credential.objects.filter(account=alice.account).count() == 2

    def test_a_credential_may_revoke_itself(self, alice):
        assert alice.call("delete", f"credentials/{alice.credential.username}").status_code == 204
        assert alice.call("get", "account").status_code == 401


class TestOthers:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("get", ""), ("patch", ""), ("delete", ""), ("post", "/rotate")],
    )
    def test_bobs_look_as_if_they_were_not_there(self, alice, bob, method, path):
        for username in (bob.credential.username, "f" * 16, "%00", "x" * 300, "%F0%9F%98%80"):
            response = alice.call(method, f"credentials/{username}{path}", {})
            assert response.status_code == 404

        assert bob.call("get", "account").status_code == 200

    def test_a_list_has_those_of_the_account(self, alice, bob):
        made = created(alice)

        listed = alice.call("get", "credentials").json()

        names = [one["username"] for one in listed["data"]]
        assert names == [made["username"], alice.credential.username]
        assert all("secret" not in one for one in listed["data"])

    def test_a_cursor_of_bobs_is_none(self, alice, bob):
        response = alice.call("get", f"credentials?after={bob.credential.username}")

        assert response.status_code == 422


class TestAccount:
    def test_it_says_what_it_is_and_may(self, alice):
        assert alice.call("get", "account").json() == {
            "id": alice.account.public_id,
            "name": "Alice",
            "is_test": False,
            "suspended_for": "",
            "max_message_size": 10 * 1024 * 1024,
            "requests_per_second": 10_000,
            "messages_per_second": None,
            "track_opens": False,
            "track_clicks": False,
            "volume": {
                "limit": 150,
                "used": 0,
                "remaining": 150,
                "resets_at": resets_at().isoformat().replace("+00:00", "Z"),
                "held": 0,
                "ceiling": 2000,
                "standing": "good",
            },
        }

    def test_every_answer_says_what_is_left_of_the_day(self, alice):
        VolumeDay.objects.create(account=alice.account, day=today(), allowance=250, used=240)

        response = alice.call("get", "credentials")

        assert response.headers["X-CloudMTA-Volume-Limit"] == "250"
        assert response.headers["X-CloudMTA-Volume-Remaining"] == "10"
        assert 0 < int(response.headers["X-CloudMTA-Volume-Reset"]) <= 24 * 3600
