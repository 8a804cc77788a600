"""What a web process loads when it starts, and what once it serves.

A process that starts imports what buyers and watchers need, and answers. Its first answer sets a
thread to import the rest, the paths that `include_later` names and Celery, so that hardly anybody
waits for them; who does ask for them before that waits until they are imported.
Not before the first answer: until then a server may fork, which no thread survives.
"""

from __future__ import annotations

import gc
from importlib import import_module
from threading import Thread
from typing import Any

from django.core.signals import request_finished
from django.urls import URLResolver, reverse
from django.urls.resolvers import RoutePattern

__all__ = ["include_later", "load_the_rest_later"]


def include_later(route: str, urlconf: str, *, namespace: str | None = None) -> URLResolver:
    """Return `path(route, include(urlconf))`, without its import.

    Django itself imports the module of that name when one of its paths is asked for, or the first
    link of all is made. For what no buyer or watcher needs.
    """
    pattern = RoutePattern(route, is_endpoint=False)
    return URLResolver(pattern, urlconf, app_name=namespace, namespace=namespace)


def load_the_rest_later() -> None:
    """Load the rest when this process has answered for the first time."""
    request_finished.connect(_begin, dispatch_uid=__name__)


def _begin(**_: Any) -> None:
    if request_finished.disconnect(dispatch_uid=__name__):
        Thread(target=_load_the_rest, name="load-the-rest", daemon=True).start()


def _load_the_rest() -> None:
    reverse("healthz")  # the first link: see include_later
    import_module("worldseat.celery")
    gc.freeze()  # see worldseat.wsgi
