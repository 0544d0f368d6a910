"""Endpoints for webhooks: each takes what is posted to it, shows it, and answers as it was told."""

import asyncio
import json
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

# What is kept of one endpoint, and how many endpoints there are at once.
MOST_POSTS = 1000
MOST_HOOKS = 1000
TAKEN = 204


@dataclass
class Hook:
    """One endpoint, and what it has taken."""

    status: int = TAKEN
    seconds: int = 0  # until it answers
    headers: dict[str, str] = field(default_factory=dict)
    posts: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_POSTS))
    answers: Counter[int] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)  # ids, in posts that it took


class Hooks(dict[str, Hook]):
    """All endpoints, by name; one is made when it is first spoken of."""

    def __missing__(self, name: str) -> Hook:
        if len(self) >= MOST_HOOKS:
            raise ValueError(f"There are {MOST_HOOKS} endpoints already: DELETE one.")
        self[name] = hook = Hook()
        return hook


HOOKS = web.AppKey("hooks", Hooks)


def of(request: web.Request) -> Hook:
    """Return the endpoint that a request is about."""
    return request.app[HOOKS][request.match_info["name"]]


async def take(request: web.Request) -> web.Response:
    """Take a post and answer as it was told to."""
    hook = of(request)
    body = (await request.read()).decode("utf-8", "replace")
    await asyncio.sleep(hook.seconds)
    hook.posts.append(
        {
            "received_at": datetime.now(UTC).isoformat(),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
            "answered": hook.status,
        }
    )
    hook.answers[hook.status] += 1
    if 200 <= hook.status < 300:
        hook.events.update(_event_ids(body))
    return web.Response(status=hook.status, headers=hook.headers)


def _event_ids(body: str) -> list[str]:
    """Return the ids of the events in a body; none, where it is something else."""
    try:
        return [str(event["id"]) for event in json.loads(body)["events"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


async def show(request: web.Request) -> web.Response:
    """Show what an endpoint has taken: counts of everything, and the newest posts."""
    hook = of(request)
    return web.json_response(
        {
            "status": hook.status,
            "answers": {str(status): count for status, count in hook.answers.items()},
            "events": hook.events.total(),
            "distinct_events": len(hook.events),
            "posts": list(hook.posts) if request.query.get("posts") != "0" else [],
        }
    )


async def clear(request: web.Request) -> web.Response:
    """Forget an endpoint, and what it has taken."""
    request.app[HOOKS].pop(request.match_info["name"], None)
    return web.Response(status=204)
