"""Sites in the admin: what workers tell stands there, staff override and resume, and it is kept."""

import asyncio
import time

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from messages import site_status
from messages.shaping import bulletin
from messages.shaping.bulletin import Bulletin
from messages.shaping.gate import Link
from messages.shaping.measures import DOWN, Measure, Measures, down
from messages.site_override import SiteOverride
from messages.smtp.replies import Reply
from messages.tests.factories import UserFactory
from messages.tests.sites_driver import HOSTILE, tell

LIST = reverse("admin:mail_siteoverride_changelist")


@pytest.fixture
def staff(client, db):
    user = UserFactory(email="staff@operator.example", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


class TestList:
    def test_it_shows_a_site_with_state_reason_and_limits(self, staff):
        tell("mx1.slow.example")

        page = staff.get(LIST).content.decode()

        assert "mx1.slow.example" in page and "Down until " in page
        assert "connections: 10" in page
        assert HOSTILE not in page and "&lt;script&gt;" in page

    def test_it_opens_where_redis_is_gone(self, staff, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        response = staff.get(LIST)

        assert response.status_code == 200
        assert "Redis does not answer" in response.content.decode()

    def test_what_workers_tell_is_put_together(self):
        entry = {
            "site": "s", "hosts": ["mx"], "group": None, "limits": {}, "total": {}, "note": "",
            "connections": 2, "opening": 0, "window": 5, "waiting": 7, "in_flight": 1,
            "per_minute": 60, "measures": [],
        }  # fmt: skip
        gone = down(Reply(421, "", "Busy"), None).to_json()

        bad, good = site_status.rows(
            [entry, entry | {"site": "bad", "measures": [gone]}, entry | {"connections": 3}]
        )

        assert (good.connections, good.waiting, good.state) == (5, 14, "Good")
        assert (bad.site, bad.state, bad.reasons[0][1]) == ("bad", "Down", "421 Busy")


class TestOverride:
    def test_staff_decide_and_it_is_kept_who_did(self, staff):
        add = reverse("admin:mail_siteoverride_add")
        response = staff.post(add, {"suffix": "*.Example.net", "connections": "3", "note": "x"})

        assert response.status_code == 302
        override = SiteOverride.objects.get()
        assert (override.suffix, override.connections) == ("example.net", 3)
        assert LogEntry.objects.get().object_repr == "example.net"

    @pytest.mark.parametrize(
        "wrong", [{"suffix": "no host"}, {"suffix": "a.test", "connections": "0"}, {}]
    )
    def test_a_wrong_value_is_explained(self, staff, wrong):
        response = staff.post(reverse("admin:mail_siteoverride_add"), wrong)

        assert response.status_code == 200 and response.context["errors"]
        assert not SiteOverride.objects.exists()


class TestResume:
    def test_it_ends_what_is_done_and_is_kept(self, staff):
        site = tell("mx1.resumed.example")
        url = reverse("admin:mail_site_resume", args=[site])

        assert staff.get(url).status_code == 405
        assert staff.post(url).headers["Location"] == LIST

        entry = LogEntry.objects.get()
        assert (entry.object_repr, entry.change_message) == (
            "Site mx1.resumed.example", "Resumed: Down",
        )  # fmt: skip
        assert not heard(site).on

    def test_a_worker_that_knows_of_it_forgets_it_and_tells_nobody_again(self):
        connection = redis.Redis.from_url(django_settings.REDIS_URL)
        measures = Measures()
        measures.add(down(Reply(421, "", "Busy"), None))

        bulletin.resume(connection, "known")

        assert not heard("known", measures).on and not heard("known").on

    def test_what_redis_forgot_is_told_again(self):
        measures = Measures()
        measures.add(down(Reply(421, "", "Busy"), None))
        heard("forgotten", measures)

        [measure] = heard("forgotten").on
        assert (measure.name, measure.times) == (DOWN, 1)

    def test_a_site_that_nobody_knows_is_not_there(self, staff):
        assert staff.post(reverse("admin:mail_site_resume", args=["0" * 16])).status_code == 404

    def test_it_is_not_for_customers(self, client, db):
        client.force_login(UserFactory(email="alice@alices.example"))
        for response in (
            client.get(LIST), client.post(reverse("admin:mail_site_resume", args=["x"]))
        ):  # fmt: skip
            assert response.headers["Location"].startswith(reverse("admin:login"))


def heard(site, measures=None):
    """Return what a worker knows of a site after it has heard the others."""
    measures = measures or Measures()

    async def hearing():
        link = Link()
        await Bulletin(link).hear({site: measures})
        await link.close()

    asyncio.run(hearing())
    return measures


class TestMeasures:
    def test_each_time_a_site_is_left_alone_for_longer(self):
        before, lengths = None, []
        for _ in range(5):
            before = down(Reply(421, "", "Busy"), before)
            lengths.append(round(before.until - time.time()))
        assert lengths == [15, 60, 300, 900, 900]

    def test_it_comes_back_as_it_was_written(self):
        measure = down(Reply(421, "4.3.2", "Busy", is_remote=True), None)
        assert Measure.from_json(measure.to_json()) == measure
