"""The ASGI application."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from worldseat.loading import load_the_rest_later

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")

application = get_asgi_application()
load_the_rest_later()
