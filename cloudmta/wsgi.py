"""The web door for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from cloudmta import presence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudmta.settings")
application = get_wsgi_application()
presence.announce("web")
