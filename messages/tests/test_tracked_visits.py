"""Opens and clicks as events: what they tell, what they count for, and what is not one."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.message_class import MessageClass
from events.models import Event, Kind, Tally
from messages.models import Recipient, State
from messages.tests.factories import MessageFactory, RecipientFactory
from messages.tracked import recording, visits
from messages.tracked.recorder import Recorder
from messages.tracked.visits import Visit

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
URL = "https://shop.example/"


def visit(recipient_id=1, kind=Kind.OPEN, **fields):
    usual = {
        "url": URL if kind is Kind.CLICK else "", "at": timezone.now(), "address": "192.0.2.77",
        "user_agent": FIREFOX, "is_head": False, "purpose": "",
    }  # fmt: skip
    return Visit(kind, recipient_id, **usual | fields)


def judged(user_agent=FIREFOX, kind=Kind.OPEN, seconds=3600, **fields):
    """Return name and verdict on a visit some seconds after the delivery; None: before it."""
    delivered = None if seconds is None else timezone.now() - timedelta(seconds=seconds)
    program = visit(kind=kind, user_agent=user_agent, **fields).program(delivered)
    return program.name, program.is_prefetch


class TestProgram:
    @pytest.mark.parametrize(
        ("user_agent", "name", "is_prefetch"),
        [
            (FIREFOX, "", False),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
             " (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", "", False),
            ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17932)", "", False),
            ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com"
             " GoogleImageProxy)", "google_image_proxy", False),
            ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
             "yahoo_image_proxy", False),
            ("Mozilla/5.0", "apple_mail_privacy", True),
            ("Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko)"
             " BingPreview/1.0b", "outlook_safelinks", True),
            ("BarracudaCentral/1.0", "barracuda", True),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://google.com/bot.html)", "bot", True),
            ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "bot", True),
            ("curl/8.1", "bot", True), ("python-requests/2.32", "bot", True),
            ("Go-http-client/1.1", "bot", True), ("", "unknown", True),
        ],
    )  # fmt: skip
    def test_it_is_known_by_what_it_says_of_itself(self, user_agent, name, is_prefetch):
        assert judged(user_agent) == (name, is_prefetch)

    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ({"purpose": "prefetch;prerender"}, "browser_prefetch"),
            ({"is_head": True}, "scanner"),
            ({"kind": Kind.CLICK, "seconds": 2}, "scanner"),
            ({"kind": Kind.CLICK, "seconds": None}, "scanner"),
        ],
    )
    def test_or_by_what_no_person_does(self, fields, name):
        assert judged(**fields) == (name, True)

    @pytest.mark.parametrize("fields", [{"seconds": 2}, {"kind": Kind.CLICK, "seconds": 6}])
    def test_a_quick_person_is_a_person(self, fields):
        assert judged(**fields) == ("", False)

    @given(st.text(st.characters(max_codepoint=255)), st.text(max_size=50))
    def test_whatever_it_says_can_be_kept(self, user_agent, address):
        one = visit(user_agent=user_agent, address=address)

        details = one.details(one.program(None))

        assert "\0" not in str(details)
        assert len(str(details.get("user_agent"))) <= 500


class TestAddress:
    @pytest.mark.parametrize(
        ("policy", "address", "shown"),
        [
            ("full", "192.0.2.77", "192.0.2.77"), ("full", "2001:db8:1:2::3", "2001:db8:1:2::3"),
            ("network", "192.0.2.77", "192.0.2.0/24"),
            ("network", "2001:db8:1:2::3", "2001:db8:1::/48"),
            ("none", "192.0.2.77", ""), ("full", "", ""),
        ],
    )  # fmt: skip
    def test_so_much_is_kept_as_the_operator_wants(self, settings, policy, address, shown):
        settings.TRACKING_ADDRESSES = policy

        assert visits.shown_address(address) == shown


@pytest.fixture
def carol(db):
    message = MessageFactory(
        message_class=MessageClass.DIGEST, tags=["news"], metadata={"order": "4711"}
    )
    hour_ago = timezone.now() - timedelta(hours=1)
    return RecipientFactory(message=message, state=State.DELIVERED, settled_at=hour_ago)


def counted():
    return {
        (one.kind, one.tag): one.count
        for one in Tally.objects.filter(message_class=MessageClass.DIGEST)
    }


class TestRecording:
    def test_an_event_tells_who_and_how(self, carol):
        recording.record([visit(carol.id, Kind.CLICK)])

        event = Event.objects.get()
        assert (event.kind, event.recipient) == ("click", carol.address)
        assert (event.message_id, event.account_id) == (carol.message_id, carol.account_id)
        assert (event.tags, event.metadata) == (["news"], {"order": "4711"})
        assert event.details == {
            "url": URL, "ip": "192.0.2.77", "user_agent": FIREFOX, "is_prefetch": False,
            "is_first": True,
        }  # fmt: skip

    def test_each_counts_and_the_first_of_a_recipient_counts_as_unique(self, carol):
        recording.record([visit(carol.id)])
        recording.record([visit(carol.id), visit(carol.id, address="192.0.2.78")])

        firsts = [one.details["is_first"] for one in Event.objects.order_by("id")]
        assert firsts == [True, False, False]
        assert counted() == {
            ("open", ""): 3, ("open", "news"): 3,
            ("unique_open", ""): 1, ("unique_open", "news"): 1,
        }  # fmt: skip

    def test_a_prefetch_is_an_event_and_not_the_first_of_a_person(self, carol):
        recording.record([visit(carol.id, user_agent="Mozilla/5.0")])
        recording.record([visit(carol.id)])

        ahead, person = Event.objects.order_by("id")
        assert ahead.details["is_prefetch"] is True
        assert "is_first" not in ahead.details
        assert person.details["is_first"] is True
        assert counted()["unique_open", ""] == 1

    def test_what_one_program_repeats_at_once_is_one_visit(self, carol):
        recording.record([visit(carol.id), visit(carol.id), visit(carol.id, Kind.CLICK)])

        assert sorted(Event.objects.values_list("kind", flat=True)) == ["click", "open"]

    def test_nobody_fills_the_ledger_with_one_link(self, carol, monkeypatch):
        monkeypatch.setattr(recording, "MAX_EVENTS", 3)

        for number in range(5):
            recording.record([visit(carol.id, address=f"192.0.2.{number}")])

        assert Event.objects.count() == 3

    def test_a_message_that_is_gone_makes_no_event(self, carol):
        recording.record([visit(carol.id + 1), visit(carol.id)])

        assert Event.objects.count() == 1

    def test_test_mail_counts_nowhere(self, carol):
        carol.message.is_test = True
        carol.message.save()

        recording.record([visit(carol.id)])

        assert Event.objects.get().is_test
        assert counted() == {}


class TestRecorder:
    @pytest.mark.django_db(transaction=True)
    def test_who_is_stopped_writes_what_is_left(self):
        recipient = RecipientFactory(state=State.DELIVERED)
        recorder = Recorder()

        for number in range(10):
            recorder.put(visit(recipient.id, address=f"192.0.2.{number}"))
        recorder.stop()

        assert Event.objects.filter(message_id=recipient.message_id).count() == 10
        assert Recipient.objects.get() == recipient
