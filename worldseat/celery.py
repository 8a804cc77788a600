"""The Celery application: one worker process a region, on the region's own queue."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")

app = Celery("worldseat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
