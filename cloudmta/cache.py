"""Django's cache in Redis, which may vanish: then nothing is remembered, and nothing breaks."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import redis
from django.core.cache.backends import redis as backend

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds that a page waits for Redis at most.
PATIENCE = 0.25


def unless_away(method: Callable[..., Result], otherwise: Any) -> Callable[..., Result]:
    """Return a method that answers with `otherwise` while Redis is away."""

    @wraps(method)
    def patient(*args: Any, **kwargs: Any) -> Result:
        try:
            return method(*args, **kwargs)
        except (redis.RedisError, OSError) as error:
            logger.warning("Log-ins are not counted while Redis is away: %s", error)
            result: Result = otherwise(*args, **kwargs)
            return result

    return patient


class RedisCache(backend.RedisCache):
    """Finds nothing and keeps nothing while Redis is away."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        super().__init__(server, params | {"OPTIONS": options})

    get = unless_away(backend.RedisCache.get, lambda self, key, default=None, version=None: default)
    set = unless_away(backend.RedisCache.set, lambda *args, **kwargs: None)
    # As if it had been added: who takes a lock by it goes on.
    add = unless_away(backend.RedisCache.add, lambda *args, **kwargs: True)
    delete = unless_away(backend.RedisCache.delete, lambda *args, **kwargs: False)
