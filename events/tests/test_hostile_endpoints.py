"""Endpoints that lead astray, never end, or are not who they say: each leaves a clear trace."""

import ssl
from datetime import timedelta

import pytest

from cloudmta.simulator.certificate import server_context
from cloudmta.simulator.world import Options, running
from events import batches, poster, webhooks
from events.models import Webhook
from events.tests.posting_driver import happen, last_post, listen, post_all
from events.tests.receivers import answering, receiving
from messages import certificates
from messages.tests.factories import AccountFactory

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "hooks.alices.example"


@pytest.fixture(autouse=True)
def no_gathering(monkeypatch):
    monkeypatch.setattr(batches, "GATHER", timedelta(0))


@pytest.fixture(scope="module")
def world():
    with running(Options(dns_port=0, smtp_port=0, http_port=0, starttls=False)) as world:
        yield world


@pytest.fixture
def zone(world, settings):
    """The records of the Internet, which the worker asks for."""
    settings.DNS_RESOLVERS = [f"127.0.0.1:{world.dns_port}"]
    yield world.zone
    for kind in ("A", "AAAA"):
        world.zone.withdraw(NAME, kind)


@pytest.fixture
def good_context(settings, tmp_path, monkeypatch):
    """The context of a server on localhost whose certificate the worker trusts."""
    chain, key = certificates.ensure_self_issued(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


def posted_to(url):
    """Let the worker post one event to a URL, and return what the log says of it."""
    account = AccountFactory()
    webhook, _ = listen(account, url)
    happen(account)
    post_all()
    return last_post(webhook)


class TestWhereItLeads:
    def test_a_name_that_becomes_private_at_the_second_look(self, zone):
        with receiving() as receiver:
            zone.publish(NAME, "A", ["127.0.0.1"])
            first = posted_to(f"http://{NAME}:{receiver.port}/hook")
            zone.publish(NAME, "A", ["10.0.0.7"])
            happen(first.webhook.account)
            post_all()

            second = last_post(first.webhook)
            assert (first.response_status, first.error) == (204, "")
            assert second.response_status is None
            assert second.error == (
                f"{NAME} has the address 10.0.0.7, which is none of the public Internet"
            )
            assert len(receiver.posts) == 1

    def test_only_the_good_ones_of_several_addresses_are_connected_to(self, zone):
        zone.publish(NAME, "A", ["10.0.0.7", "127.0.0.1", "169.254.169.254"])
        with receiving() as receiver:
            post = posted_to(f"http://{NAME}:{receiver.port}/hook")

            assert post.error == ""
            assert receiver.posts[0].headers["host"] == f"{NAME}:{receiver.port}"

    @pytest.mark.parametrize(
        ("kind", "address"),
        [
            ("A", "127.0.0.1"), ("A", "10.1.2.3"), ("A", "172.16.0.1"), ("A", "192.168.0.1"),
            ("A", "169.254.169.254"), ("A", "100.64.0.1"), ("A", "0.0.0.0"), ("A", "224.0.0.1"),
            ("A", "255.255.255.255"), ("AAAA", "::1"), ("AAAA", "::"), ("AAAA", "fe80::1"),
            ("AAAA", "fd00:ec2::254"), ("AAAA", "::ffff:127.0.0.1"), ("AAAA", "64:ff9b::7f00:1"),
            ("AAAA", "2002:7f00:1::"), ("AAAA", "ff02::1"),
        ],
    )  # fmt: skip
    def test_production_connects_to_no_special_address(self, zone, settings, kind, address):
        settings.LOOPBACK_WEBHOOKS = False
        zone.publish(NAME, kind, [address])

        post = posted_to(f"https://{NAME}:8443/hook")

        assert post.response_status is None
        assert post.error.startswith(f"{NAME} has the address ")
        assert post.error.endswith(", which is none of the public Internet")

    def test_a_name_that_dns_does_not_know(self, zone):
        assert posted_to(f"http://{NAME}:8080/").error == f"DNS gives no address for {NAME}"

    def test_a_url_that_was_allowed_once(self, settings):
        with receiving() as receiver:
            first = posted_to(receiver.url)
            settings.LOOPBACK_WEBHOOKS = False
            happen(first.webhook.account)
            post_all()

        assert first.error == ""
        assert last_post(first.webhook).error == (
            "Nothing is posted to this URL: The URL must begin with https://"
        )

    def test_a_number_that_is_an_address_in_disguise(self):
        account = AccountFactory()
        webhook, _ = listen(account, "http://localhost:9000/")
        for url in ("http://2130706433:8080/", "http://127.1:8080/", "http://0x7f.1:8080/"):
            Webhook.objects.filter(pk=webhook.pk).update(url=url)
            webhooks.change(webhook, is_enabled=True)
            happen(account)
            post_all()
            assert last_post(webhook).error.startswith("Nothing is posted to this URL")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, status):
        with receiving() as elsewhere:
            headers = {"Location": elsewhere.url}
            with receiving(answer=lambda post: (status, headers, b"")) as receiver:
                post = posted_to(receiver.url)

        assert elsewhere.posts == []
        assert post.response_status == status
        assert post.error == (
            f"The endpoint redirects ({status}), which is not followed: give its final URL"
        )
        assert post.response_headers["Location"] == elsewhere.url

    def test_nobody_listens(self):
        with receiving() as receiver:
            url = receiver.url

        error = posted_to(url.replace("localhost", "127.0.0.1")).error
        assert error == "No connection to 127.0.0.1: Connection refused"
        assert posted_to(url).error.startswith("No connection to localhost: ")


class TestCertificates:
    def test_a_good_one(self, good_context):
        with receiving(context=good_context) as receiver:
            post = posted_to(receiver.url)

            assert (post.error, post.response_status) == ("", 204)

    def test_one_that_nobody_has_signed(self):
        with receiving(context=server_context(["localhost"])) as receiver:
            post = posted_to(receiver.url)

            assert receiver.posts == []
        assert post.error == "The certificate of localhost is not good: self-signed certificate"

    def test_one_of_another_name(self, zone, good_context):
        zone.publish(NAME, "A", ["127.0.0.1"])
        with receiving(context=good_context) as receiver:
            post = posted_to(f"https://{NAME}:{receiver.port}/hook")

            assert receiver.posts == []
        assert post.error.startswith(f"The certificate of {NAME} is not good: Hostname mismatch")

    def test_no_tls_where_there_should_be(self):
        with receiving() as receiver:
            post = posted_to(receiver.url.replace("http:", "https:"))

        assert post.error.startswith("No TLS with localhost: ")


class TestAnswers:
    def test_one_without_end_is_read_for_four_kilobytes(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        with answering(head, b"400\r\n" + b"x" * 1024 + b"\r\n", forever=True) as url:
            post = posted_to(url)

        assert (post.response_status, post.error) == (200, "")
        assert post.response_body == "x" * 4096

    def test_one_of_four_gigabytes_is_not_waited_for(self):
        head = b"HTTP/1.1 500 No\r\nContent-Length: 4294967296\r\n\r\n"
        with answering(head, b"x" * 65536, forever=True) as url:
            post = posted_to(url)

        assert post.error == "The endpoint answered 500"
        assert len(post.response_body) == 4096

    def test_one_that_drips(self, monkeypatch):
        monkeypatch.setattr(poster, "TIMEOUT", 0.3)
        with answering(b"HTTP/1.1 200 OK\r\nX-", b"x", forever=True) as url:
            post = posted_to(url)

        assert post.response_status is None
        assert post.error == "127.0.0.1 did not answer within 0.3 seconds"

    def test_a_status_counts_even_if_the_rest_drips(self, monkeypatch):
        monkeypatch.setattr(poster, "TIMEOUT", 0.3)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"
        with answering(head, b"", forever=True) as url:
            post = posted_to(url)

        assert (post.response_status, post.error) == (200, "")

    def test_silence(self, monkeypatch):
        monkeypatch.setattr(poster, "TIMEOUT", 0.3)
        with answering(b"", forever=True) as url:
            post = posted_to(url)

        assert post.error == "127.0.0.1 did not answer within 0.3 seconds"

    def test_a_header_without_end(self):
        with answering(
            b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 200 + b"\r\n", forever=True
        ) as url:
            post = posted_to(url)

        assert post.response_status is None
        assert post.error

    @pytest.mark.parametrize(
        "octets",
        [
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 2x0 OK\r\n\r\n",
            b"\x00" * 99,
            b"HTTP/1.1 200 OK\r\n",
        ],
    )
    def test_what_is_no_http(self, octets):
        with answering(octets) as url:
            post = posted_to(url)

        assert post.response_status is None
        assert "127.0.0.1" in post.error

    def test_a_connection_that_just_ends(self):
        with answering() as url:
            assert "closed the connection" in posted_to(url).error

    def test_octets_that_are_no_text_are_shown_as_well_as_can_be(self):
        body = b"\x00\xff\xfe" + "ü".encode()
        head = b"HTTP/1.1 400 No\r\nX-Odd: \xff\xfe\r\nContent-Length: %d\r\n\r\n" % len(body)
        with answering(head + body) as url:
            post = posted_to(url)

        assert post.response_status == 400
        assert post.response_body.endswith("ü")

    def test_a_cookie_is_not_kept(self):
        answer = (200, {"Set-Cookie": "a=b", "Connection": "keep-alive"}, b"")
        with receiving(answer=lambda post: answer) as receiver:
            post = posted_to(receiver.url)
            happen(post.webhook.account)
            post_all()

            assert "cookie" not in receiver.posts[1].headers
