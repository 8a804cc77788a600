"""The WSGI application: what web.py serves, and any other WSGI server can."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from worldseat.loading import load_the_rest_later
from worldseat.repeating import Repeating

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")

# Nothing that is loaded here is garbage: the collector does not look for it meanwhile, nor again
# and again afterwards, and workers that are forked from here go on to share its pages.
gc.disable()
application = Repeating(get_wsgi_application())
get_resolver().url_patterns  # noqa: B018 - loads the views now, not with a worker's first request
gc.freeze()
gc.enable()
load_the_rest_later()
