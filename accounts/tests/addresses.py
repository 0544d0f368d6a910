"""Every address of the pages, as the URLs have them: what tests of access walk through."""

import re
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver


def addresses(patterns=None, prefix=""):
    """Yield name and route of every address of ours but the admin's."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLPattern):
            yield one.name, prefix + str(one.pattern)
        elif isinstance(one, URLResolver) and one.app_name != "admin":
            yield from addresses(one.url_patterns, prefix + str(one.pattern))


def filled(route, things=None):
    """Return an address of a route, with something for each of its parts.

    `things` has values for parts as the route writes them, such as `<uuid:message_id>`.
    """
    something = {"uuid": str(UUID(int=0)), "int": "1"}
    route = re.sub(r"\(\?P<\w+>[^)]*\)", "1", route).strip("^$")
    for part, value in (things or {}).items():
        route = route.replace(part, str(value))
    return "/" + re.sub(r"<(?:(\w+):)?\w+>", lambda part: something.get(part[1], "x"), route)
