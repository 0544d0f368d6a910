import pytest

from accounts.rest import limits
from accounts.rest.limits import Limiter


@pytest.fixture
def limiter():
    limiter = Limiter()
    yield limiter
    limiter.close()


@pytest.fixture
def no_redis(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


class TestBucket:
    def test_twice_the_rate_may_come_at_once_and_then_no_more(self, alice, limiter):
        alice.account.requests_per_second = 1

        first, second, third = (limiter.count(alice.account) for _ in range(3))

        assert [one.passes for one in (first, second, third)] == [True, True, False]
        assert (first.limit, first.remaining, first.reset) == (2, 1, 1)
        assert (second.remaining, second.reset) == (0, 2)
        assert (third.remaining, third.wait) == (0, 1)

    def test_what_is_refused_is_not_counted(self, alice, limiter):
        alice.account.requests_per_second = 1

        waits = [limiter.count(alice.account).wait for _ in range(20)]

        assert max(waits) == 1

    def test_each_account_has_its_own(self, alice, bob, limiter):
        alice.account.requests_per_second = bob.account.requests_per_second = 1
        for _ in range(3):
            limiter.count(alice.account)

        assert limiter.count(bob.account).passes

    def test_all_doors_share_it(self, alice, limiter):
        alice.account.requests_per_second = 1
        limiter.count(alice.account)
        another = Limiter()

        assert another.count(alice.account).remaining == 0
        another.close()

    def test_it_is_forgotten_once_it_is_full_again(self, alice, limiter):
        limiter.count(alice.account)

        life = limiter._redis.pttl(f"requests:{alice.account.pk}")
        assert 0 < life <= 1000

    def test_while_redis_is_away_all_pass_and_it_is_logged_once(self, alice, no_redis, caplog):
        limiter = Limiter()

        assert [limiter.count(alice.account) for _ in range(3)] == [None] * 3
        limiter._away_until = 0.001  # some seconds later it is asked again
        assert limiter.count(alice.account) is None
        assert caplog.text.count("while Redis is away") == 1

    def test_each_time_that_redis_goes_away_is_logged(self, alice, limiter, settings, caplog):
        there, settings.REDIS_URL = limiter._script, "redis://127.0.0.1:1/0"
        away = Limiter()._script

        for script in (away, there, away):
            limiter._script = script
            limiter._away_until = min(limiter._away_until, 0.001)  # some seconds later
            limiter.count(alice.account)

        assert caplog.text.count("while Redis is away") == 2


class TestRequests:
    def test_every_answer_says_what_is_left(self, alice):
        for response in (
            alice.call("get", "account"),
            alice.call("get", "credentials/nobody"),
            alice.call("post", "account"),
        ):
            assert response.headers["RateLimit-Limit"] == "20000"
            assert int(response.headers["RateLimit-Remaining"]) < 20000
            assert response.headers["RateLimit-Reset"] == "1"

    def test_one_too_many_is_told_when_to_come_again(self, alice):
        alice.account.requests_per_second = 1
        alice.account.save()
        for _ in range(2):
            assert alice.call("get", "account").status_code == 200

        response = alice.call("get", "account")

        assert response.status_code == 429
        assert response.json()["code"] == "rate_limit"
        assert response.headers["Retry-After"] == "1"
        assert response.headers["RateLimit-Remaining"] == "0"

    def test_without_redis_requests_are_answered(self, alice, no_redis, monkeypatch):
        monkeypatch.setattr(limits, "_limiter", [Limiter()])

        response = alice.call("get", "account")

        assert response.status_code == 200
        assert "RateLimit-Limit" not in response.headers
