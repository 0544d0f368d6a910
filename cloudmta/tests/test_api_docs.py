import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from accounts.rest.codes import CODES
from cloudmta.api_docs import ADVICE
from messages.refusals import Cause

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client():
    return Client()


class TestSchema:
    @pytest.fixture
    def schema(self, client):
        response = client.get("/api/schema")
        assert response.status_code == 200
        return json.loads(response.content)

    def test_it_is_openapi_3_1(self, schema):
        assert schema["openapi"] == "3.1.1"

    def test_every_operation_says_who_may_and_what_can_go_wrong(self, schema):
        operations = [
            operation
            for path in schema["paths"].values()
            for method, operation in path.items()
            if method != "parameters"
        ]

        assert len(operations) > 30
        for operation in operations:
            assert operation["security"] == [{"bearer": []}, {"basic": []}]
            for status in ("400", "401", "403", "404", "422", "429", "500", "503"):
                content = operation["responses"][status]["content"]
                problem = content["application/problem+json"]["schema"]
                assert problem == {"$ref": "#/components/schemas/Problem"}

    def test_every_operation_has_a_name_of_its_own_and_words(self, schema):
        operations = [one for path in schema["paths"].values() for one in path.values()]

        names = [one["operationId"] for one in operations]
        assert len(set(names)) == len(names)
        assert all(one["description"] for one in operations)

    def test_paths_have_no_slash_at_their_end(self, schema):
        assert not [path for path in schema["paths"] if path.endswith("/")]


class TestReference:
    def test_the_page_runs_nothing_but_files_of_ours(self, client):
        response = client.get("/api/docs")

        page = response.content.decode()
        assert response.status_code == 200
        assert all(one.startswith("/") and not one.startswith("//") for one in links(page))
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        policy = response.headers["Content-Security-Policy"]
        assert "script-src" not in policy  # default-src: 'self', and nothing inline
        assert policy.startswith("default-src 'self'; ")

    def test_its_script_is_served_by_us_and_asks_nobody_else(self, client):
        (address,) = [one for one in links(client.get("/api/docs").content.decode())
                      if one.startswith("/api/docs?")]  # fmt: skip

        response = client.get(address)

        assert response.headers["Content-Type"].startswith("application/javascript")
        script = response.content.decode()
        assert '"/api/schema"' in script
        assert '"validatorUrl": null' in script
        assert "https://" not in script

    def test_its_files_are_there(self, client):
        files = [one for one in links(client.get("/api/docs").content.decode())
                 if one.startswith("/static/")]  # fmt: skip

        assert len(files) == 8
        for file in files:
            assert finders.find(file.removeprefix("/static/")), file

    def test_other_pages_keep_the_strict_policy(self, client):
        for address in ("/log-in/", "/api/docs/errors"):
            policy = client.get(address).headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy


def links(page):
    return [one.replace("&amp;", "&") for one in re.findall(r'(?:src|href)="([^"]*)"', page)]


class TestErrors:
    def test_every_code_has_its_anchor_and_says_what_to_do(self, client):
        page = client.get("/api/docs/errors").content.decode()

        for code in CODES.keys() | {cause.slug for cause in Cause}:
            assert f'<tr id="{code}">' in page

    def test_there_is_advice_for_every_cause(self):
        assert set(ADVICE) == set(Cause)

    def test_no_code_is_missing(self):
        """Every code that stands in a Problem of ours is in the table."""
        found = {
            code
            for app in ("accounts", "domains", "events", "messages")
            for file in (ROOT / app).glob("**/*.py")
            if "tests" not in file.parts
            for code in re.findall(r'Problem\(\s*[45]\d\d,\s*"(\w+)"', file.read_text())
        }

        assert "nothing_to_cancel" in found
        assert found <= CODES.keys() | {cause.slug for cause in Cause}
