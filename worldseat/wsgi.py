"""The WSGI application, for gunicorn."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from worldseat.repeating import Repeating

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")

application = Repeating(get_wsgi_application())
