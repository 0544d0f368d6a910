"""Show what the simulator received, and change what it answers, over HTTP and JSON."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

from aiohttp import web

from cloudmta.simulator import hooks
from cloudmta.simulator.hooks import HOOKS, Hooks
from cloudmta.simulator.store import Captured, Store
from cloudmta.simulator.zone import TTL, Zone

DEFAULT_LIMIT = 1000  # messages in one list

STORE = web.AppKey("store", Store)
ZONE = web.AppKey("zone", Zone)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(store: Store, zone: Zone) -> web.Application:
    """Return the application: the capture store, the zone's records, and the mode."""
    app = web.Application(middlewares=[errors_as_json])
    app[STORE], app[ZONE], app[HOOKS] = store, zone, Hooks()
    app.add_routes(
        [
            web.get("/messages", list_messages),
            web.get("/messages/{id}.eml", show_content),
            web.get("/messages/newest.txt", show_newest),
            web.delete("/messages", clear),
            web.get("/stats", show_stats),
            web.put("/records", publish),
            web.delete("/records", withdraw),
            web.put("/mode", set_mode),
            web.post("/hooks/{name}", hooks.take),
            web.get("/hooks/{name}", hooks.show),
            web.put("/hooks/{name}", set_hook),
            web.delete("/hooks/{name}", hooks.clear),
        ]
    )
    return app


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say what is wrong with a request in one sentence."""
    try:
        return await handler(request)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
    except web.HTTPException as error:
        sentence = error.text or error.reason
        return web.json_response({"error": sentence}, status=error.status)


async def list_messages(request: web.Request) -> web.Response:
    """List messages, oldest first; `after` an id continues a list that met its `limit`."""
    after = whole_number(request, "after", 0)
    limit = whole_number(request, "limit", DEFAULT_LIMIT)
    messages = request.app[STORE].addressed_to(request.query.get("recipient"), after)
    return web.json_response([described(message) for message in islice(messages, limit)])


def whole_number(request: web.Request, name: str, default: int) -> int:
    """Return a number from the query string. ValueError: it is not one."""
    text = request.query.get(name, str(default))
    # Eighteen digits are more than there can be messages, and no strain on islice().
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"{name} must be a whole number, not {text[:40]!r}.")
    return int(text)


def described(message: Captured) -> dict[str, Any]:
    """Return what a list says of a message."""
    return {
        "id": message.id,
        "recipient": message.recipient,
        "reverse_path": message.reverse_path,
        "received_at": message.received_at.isoformat(),
        "size": len(message.content),
    }


async def show_content(request: web.Request) -> web.Response:
    """Return the very bytes that were received."""
    id = request.match_info["id"]
    is_id = id.isascii() and id.isdigit() and len(id) <= 18
    message = request.app[STORE].find(int(id)) if is_id else None
    if message is None:
        raise web.HTTPNotFound(text=f"No message {id[:40]!r} is kept here.")
    return web.Response(body=message.content, content_type="message/rfc822")


async def show_newest(request: web.Request) -> web.Response:
    """Return the newest message, for one `recipient` or for all, as text that a browser shows."""
    recipient = request.query.get("recipient")
    newest = deque(request.app[STORE].addressed_to(recipient), maxlen=1)
    if not newest:
        raise web.HTTPNotFound(text="No such message is kept here. Wait a second, and load again.")
    return web.Response(body=newest[0].content, content_type="text/plain", charset="utf-8")


async def clear(request: web.Request) -> web.Response:
    """Forget all messages and counts."""
    request.app[STORE].clear()
    return web.Response(status=204)


async def show_stats(request: web.Request) -> web.Response:
    """Return the counts."""
    return web.json_response(request.app[STORE].stats())


async def publish(request: web.Request) -> web.Response:
    """Put records under a name, in place of those of the same type."""
    body = await fields(request, {"name": str, "type": str, "values": list}, {"ttl": int})
    if not all(isinstance(value, str) for value in body["values"]):
        raise ValueError("values must be a list of strings.")
    request.app[ZONE].publish(body["name"], body["type"], body["values"], body.get("ttl", TTL))
    return web.Response(status=204)


async def withdraw(request: web.Request) -> web.Response:
    """Take the records of one type away from a name."""
    body = await fields(request, {"name": str, "type": str})
    if not request.app[ZONE].withdraw(body["name"], body["type"]):
        raise web.HTTPNotFound(text=f"{body['name']} has no {body['type']} record.")
    return web.Response(status=204)


async def set_mode(request: web.Request) -> web.Response:
    """Choose whether messages are kept, or only counted."""
    body = await fields(request, {"keep_content": bool})
    request.app[STORE].keep_content = body["keep_content"]
    return web.Response(status=204)


async def set_hook(request: web.Request) -> web.Response:
    """Choose what an endpoint of webhooks answers from now on."""
    body = await fields(request, {}, {"status": int, "seconds": int, "headers": dict})
    if not 200 <= (status := body.get("status", hooks.TAKEN)) <= 599:
        raise ValueError("status must be a status of HTTP, from 200 to 599.")
    hook = hooks.of(request)
    hook.status = status
    hook.seconds = body.get("seconds", 0)
    hook.headers = {str(name): str(value) for name, value in body.get("headers", {}).items()}
    return web.Response(status=204)


async def fields(
    request: web.Request, required: dict[str, type], optional: dict[str, type] | None = None
) -> dict[str, Any]:
    """Return the fields of a JSON object. ValueError: one is missing, or is something else."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise ValueError("The body must be JSON.") from error
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object.")
    for name, kind in required.items() | (optional or {}).items():
        # type(), because a JSON true would pass for an int.
        if (name in body or name in required) and type(body.get(name)) is not kind:
            raise ValueError(f"{name} must be given, as {JSON_NAMES[kind]}.")
    return body


JSON_NAMES = {
    str: "a string",
    list: "a list",
    int: "a whole number",
    bool: "true or false",
    dict: "an object",
}
