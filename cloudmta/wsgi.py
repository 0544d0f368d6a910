"""The web door for gunicorn: tracked links at once, all else by Django."""

import os
from typing import cast
from wsgiref.types import WSGIApplication

from django.core.wsgi import get_wsgi_application

from cloudmta import presence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudmta.settings")
pages = cast(WSGIApplication, get_wsgi_application())
presence.announce("web")

# Models can be imported from here on.
from messages.tracked.door import TrackingDoor  # noqa: E402
from messages.tracked.recorder import Recorder  # noqa: E402

application = TrackingDoor(pages, Recorder().put)
