"""What pages say only in development, where the simulator is the world."""

from django.conf import settings
from django.http import HttpRequest


def simulator(request: HttpRequest) -> dict[str, object]:
    """Give templates the address at which mail that was sent can be read; "" in production."""
    if not settings.DEVELOPMENT:
        return {"simulator_url": ""}
    return {"simulator_url": f"http://127.0.0.1:{settings.SIMULATOR_HTTP_PORT}"}
