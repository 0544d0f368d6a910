import io
import json

import pytest
from django.db import OperationalError
from django.urls import include, path
from rest_framework import serializers
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest.serializers import StrictSerializer
from accounts.rest.views import AccountView
from cloudmta import urls


class Inner(StrictSerializer):
    size = serializers.IntegerField(min_value=1)


class Outer(StrictSerializer):
    name = serializers.CharField()
    parts = Inner(many=True, required=False)


class Echo(AccountView):
    """Says what it was told."""

    scopes = {"GET": Scope.READ, "POST": Scope.SEND, "PUT": Scope.SEND}
    max_body = 100

    def get(self, request, name):
        raise {"key": KeyError, "database": OperationalError}[request.query_params["raise"]]("no")

    def post(self, request, name):
        return Response({"told": request.data})

    def put(self, request, name):
        Outer(data=request.data).is_valid(raise_exception=True)
        return Response()


urlpatterns = [path(urls.ACCOUNT, include([path("echo", Echo.as_view())])), *urls.urlpatterns]
handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500

pytestmark = pytest.mark.urls(__name__)


def assert_problem(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["error"] == body["detail"]
    assert body["type"] == f"http://testserver/api/docs/errors#{code}"
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["title"]
    return body


class TestBodies:
    def test_json_is_read(self, alice):
        assert alice.call("post", "echo", {"a": "é"}).json() == {"told": {"a": "é"}}

    def test_none_is_an_empty_object(self, alice):
        assert alice.call("post", "echo").json() == {"told": {}}

    @pytest.mark.parametrize(
        "content_type", ["application/x-www-form-urlencoded", "text/plain", ""]
    )
    def test_other_media_types_are_not_supported(self, alice, content_type):
        response = post(alice, b"a=1", content_type)

        assert_problem(response, 415, "unsupported_media_type")

    def test_what_is_not_json_is_malformed(self, alice):
        response = post(alice, b'{"a": NaN}')

        body = assert_problem(response, 400, "malformed_json")
        assert body["detail"] == "The body is not JSON: NaN is no JSON value"

    def test_one_of_the_size_is_taken_and_one_octet_more_is_not(self, alice):
        assert post(alice, json.dumps("x" * 98).encode()).status_code == 200
        assert_problem(post(alice, json.dumps("x" * 99).encode()), 413, "too_big")

    def test_a_big_one_is_not_even_read(self, alice):
        response = post(alice, b"", CONTENT_LENGTH="99999999999999999999")

        assert_problem(response, 413, "too_big")

    def test_chunks_are_read_to_their_end(self, alice):
        response = in_chunks(alice, json.dumps("x" * 98).encode())

        assert response.json() == {"told": "x" * 98}

    def test_chunks_beyond_the_size_are_not_taken(self, alice):
        assert_problem(in_chunks(alice, b" " * 101), 413, "too_big")

    def test_fields_are_named_by_their_pointers(self, alice):
        wrong = {"nome": "x", "parts": [{"size": 1}, {"size": 0, "a/b": 1}]}

        body = assert_problem(alice.call("put", "echo", wrong), 422, "invalid")

        assert {(one["pointer"], one["code"]) for one in body["errors"]} == {
            ("/name", "required"),
            ("/nome", "unknown_field"),
            ("/parts/1/size", "min_value"),
            ("/parts/1/a~1b", "unknown_field"),
        }

    def test_an_unknown_field_within_is_named_too(self, alice):
        wrong = {"name": "x", "parts": [{"size": 1, "a/b": 1}]}

        (fault,) = alice.call("put", "echo", wrong).json()["errors"]

        assert (fault["pointer"], fault["code"]) == ("/parts/0/a~1b", "unknown_field")

    def test_of_many_faults_some_are_named_and_all_counted(self, alice, monkeypatch):
        monkeypatch.setattr(Echo, "max_body", 10_000)
        wrong = {"name": "x", "parts": [{"size": 0}] * 60}

        body = alice.call("put", "echo", wrong).json()

        assert len(body["errors"]) == 50
        assert body["detail"].endswith("; and 57 more")

    def test_it_must_be_an_object(self, alice):
        (fault,) = alice.call("put", "echo", [1]).json()["errors"]

        assert fault["pointer"] == ""


def post(alice, body, content_type="application/json", **extra):
    return alice.client.generic(
        "POST", f"/api/v0.1/{alice.credential.username}/echo", body, content_type,
        HTTP_AUTHORIZATION=f"Bearer {alice.secret}", **extra,
    )  # fmt: skip


def in_chunks(alice, body):
    """Post as gunicorn hands a chunked body on: without a length, and ending by itself."""
    chunks = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    return post(alice, b"", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="", **chunks)


class TestProblems:
    @pytest.mark.parametrize("address", ["/api/v0.1/x/nothing", "/api/nothing", "/api", "/api/"])
    @pytest.mark.parametrize("method", ["get", "post", "delete"])
    def test_where_there_is_nothing(self, alice, address, method):
        assert_problem(getattr(alice.client, method)(address), 404, "not_found")

    def test_pages_that_are_not_there_stay_pages(self, alice):
        assert alice.client.get("/nothing").headers["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize("method", ["delete", "patch", "options", "trace"])
    def test_a_method_that_there_is_not(self, alice, method):
        response = alice.call(method, "echo")

        assert response.headers["Allow"] == "GET, HEAD, POST, PUT"
        assert_problem(response, 405, "method_not_allowed")

    def test_an_answer_in_another_form(self, alice):
        assert_problem(alice.call("get", "account", HTTP_ACCEPT="text/html"), 406, "not_acceptable")

    def test_what_nobody_foresaw_says_nothing_of_it(self, alice, caplog):
        response = alice.call("get", "echo?raise=key")

        body = assert_problem(response, 500, "internal_error")
        assert "KeyError" not in response.text
        assert body["request_id"] in caplog.text

    def test_a_database_that_is_away(self, alice):
        response = alice.call("get", "echo?raise=database")

        assert response.headers["Retry-After"] == "5"
        assert_problem(response, 503, "unavailable")

    def test_a_host_that_is_not_ours(self, alice):
        response = alice.call("get", "account", HTTP_HOST="evil.example")

        assert response.status_code == 400
        assert response.json()["type"] == "/api/docs/errors#bad_request"


class TestPermission:
    def test_a_scope_that_is_missing_is_named(self, alice):
        reader, secret = alice.make(scopes=["read"])

        response = alice.call("post", "echo", name=reader.username, secret=secret)

        body = assert_problem(response, 403, "scope_missing")
        assert body["detail"] == f"The credential {reader.username} lacks the scope send"

    def test_a_suspended_account_may_look_only(self, alice):
        alice.account.suspended_for = "too many complaints"
        alice.account.save()

        assert alice.call("get", "account").status_code == 200
        assert alice.call("head", "account").status_code == 200
        body = assert_problem(alice.call("post", "echo"), 403, "account_suspended")
        assert body["detail"] == "The account is suspended: too many complaints"


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        ["/api//v0.1/{}/account", "/api/v0.1/{}//account//", "/api/v0.1/{}/account/"],
    )
    def test_slashes_too_many_do_not_matter(self, alice, address):
        response = alice.client.get(
            address.format(alice.credential.username),
            headers={"authorization": f"Bearer {alice.secret}"},
        )

        assert response.status_code == 200

    def test_other_addresses_are_left_alone(self, alice):
        assert alice.client.get("/log-in//").status_code == 404
        assert alice.client.get("/log-in/").status_code == 200
