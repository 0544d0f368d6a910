"""What pages say only in development, where the simulator is the world."""

from django.conf import settings
from django.http import HttpRequest


def simulator(request: HttpRequest) -> dict[str, object]:
    """Give templates where mail that was sent can be read, and where passkeys work.

    Browsers tie passkeys to a name, and 127.0.0.1 is none.
    """
    if not settings.DEVELOPMENT:
        return {}
    host, _, port = request.get_host().rpartition(":")
    named = f"http://localhost:{port}{request.path}" if host == "127.0.0.1" else ""
    return {
        "simulator_url": f"http://127.0.0.1:{settings.SIMULATOR_HTTP_PORT}",
        "named_url": named,
    }
