"""Tell load balancers and containers how this web process is: /healthz alive, /readyz of use."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

from cloudmta.startup import require_database

FINE = "ok"


class HealthMiddleware:
    """Answers before anything else does: who asks knows neither our host names nor a session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz":
            return HttpResponse(f"{FINE}\n", content_type="text/plain")
        if request.path_info == "/readyz":
            return readiness()
        return self.get_response(request)


def readiness() -> HttpResponse:
    """Answer 200 where requests can be served, else 503; the body says what of each service.

    Redis alone may be away: mail is taken all the same, and delivered when it is back.
    """
    database, broker = database_state(), redis_state()
    state = {"database": database, "redis": broker}
    return JsonResponse(state, status=200 if database == FINE else 503)


def database_state() -> str:
    """Return "ok", or what is wrong with PostgreSQL or its tables in a sentence."""
    try:
        require_database()
    except DatabaseError:
        return "PostgreSQL does not answer"
    except CommandError as error:
        return str(error)
    return FINE


def redis_state() -> str:
    """Return "ok", or what is wrong with Redis in a sentence."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    try:
        client.ping()
    except redis.RedisError:
        return "Redis does not answer: mail waits for the sweep of beat, and that waits for Redis"
    finally:
        client.close()
    return FINE
