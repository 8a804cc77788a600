"""The Celery application: one worker process a region, on the region's own queue."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task

from accounts.scopes import outside

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")


class ScopedTask(Task):  # type: ignore[type-arg]  # it is generic for type checkers alone
    """A task: it begins in no scope, whoever calls it, and enters its own (accounts.scopes)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task outside of all scopes."""
        with outside():
            return super().__call__(*args, **kwargs)


app = Celery("worldseat", task_cls=ScopedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
