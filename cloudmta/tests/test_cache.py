from django.core.cache import caches
from django.urls import reverse


class TestRedisCache:
    def test_it_keeps_and_forgets(self):
        cache = caches["default"]
        cache.set("test_cache", "kept", 60)

        assert cache.get("test_cache") == "kept"
        assert not cache.add("test_cache", "another", 60)
        assert cache.delete("test_cache")
        assert cache.get("test_cache", "nothing") == "nothing"

    def test_people_log_in_while_redis_is_away(self, client, db, settings):
        away = settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/redis.sock"}
        settings.CACHES = {"default": away}

        answer = client.post(reverse("log-in"), {"login": "a@b.example", "password": "wrong"})

        assert "No user has this address and password" in answer.content.decode()
        assert caches["default"].get("x", "nothing") == "nothing"
