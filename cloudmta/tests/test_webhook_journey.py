"""A customer's application hears of its mail: every process real, the endpoint at the simulator."""

import json
import urllib.request

import pytest
from standardwebhooks import Webhook as Verifier

from cloudmta.testing import House, eventually

pytestmark = pytest.mark.xdist_group("house")


@pytest.fixture(scope="module")
def web(house: House) -> House:
    house.open_web()
    return house


def ask(url, method="GET", body=None, secret=""):
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if secret:
        request.add_header("Authorization", f"Bearer {secret}")
    with urllib.request.urlopen(request) as response:
        content = response.read()
    return json.loads(content) if content else None


class Application:
    """Alice's application: an endpoint, and the REST API."""

    def __init__(self, house, name):
        self.house = house
        self.hook = f"http://127.0.0.1:{house.http_port}/hooks/{name}"
        self.webhook = self.rest("webhooks", "POST", {"url": self.hook})

    def rest(self, path, method="GET", body=None):
        demo = self.house.demo
        url = f"{demo['api_url']}/{demo['smtp_username']}/{path}"
        return ask(url, method, body, demo["smtp_password"])

    def posts(self):
        return ask(self.hook)["posts"]

    def events_of(self, message_id):
        events = [e for post in self.posts() for e in json.loads(post["body"])["events"]]
        return [event for event in events if event["message_id"] == message_id]

    def answer(self, **how):
        ask(self.hook, "PUT", how)

    def remove(self):
        self.rest(f"webhooks/{self.webhook['id']}", "DELETE")


@pytest.fixture
def application(web, request):
    application = Application(web, request.node.name)
    yield application
    application.remove()


def test_a_delivery_is_told_and_both_libraries_verify_it(web, application, node):
    message_id = web.submit(web.message("delivered+hooked@sim.test", X_CloudMTA_Tags="welcome"))

    (event,) = eventually(lambda: application.events_of(message_id))

    assert (event["kind"], event["tags"], event["test"]) == ("delivery", ["welcome"], False)
    assert event["details"]["smtp_code"] == 250
    post = next(post for post in application.posts() if message_id in post["body"])
    secret = application.webhook["secret"]
    first = Verifier(secret).verify(post["body"], post["headers"])["events"][0]
    assert node("webhook.js", secret, json.dumps(post).encode()) == f"{first['kind']}\n"
    forged = post | {"body": post["body"].replace("delivery", "bounce")}
    assert "No matching signature" in node("webhook.js", secret, json.dumps(forged).encode())


def test_an_endpoint_that_was_down_gets_all_when_it_is_back(web, application):
    application.answer(status=503)
    before = web.submit(web.message("bounced+down@sim.test"))
    webhook = f"webhooks/{application.webhook['id']}"
    eventually(lambda: application.rest(webhook)["failures"] >= 2)

    application.answer(status=200)
    shown = application.rest(f"{webhook}/test", "POST", {"kind": "bounce"})

    assert (shown["response_status"], shown["error"]) == (200, "")
    eventually(lambda: application.rest(webhook)["failures"] == 0)
    taken = eventually(
        lambda: [
            post for post in application.posts()
            if before in post["body"] and post["answered"] == 200
        ]
    )  # fmt: skip
    assert len(taken) == 1
    assert {
        post["headers"]["webhook-id"] for post in application.posts() if before in post["body"]
    } == {taken[0]["headers"]["webhook-id"]}
