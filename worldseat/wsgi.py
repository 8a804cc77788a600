"""The WSGI application, for gunicorn."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

from worldseat.repeating import Repeating

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")

application = Repeating(get_wsgi_application())

# What is there now stays: the collector need not look at it again and again, and workers that are
# forked from here share its pages for as long as nobody touches them.
gc.collect()
gc.freeze()
