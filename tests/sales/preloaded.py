"""The product's WSGI application, with its URLs loaded before gunicorn forks: the worker that takes
a killed one's place answers at once.
"""

from __future__ import annotations

from django.urls import get_resolver

from worldseat.wsgi import application

__all__ = ["application"]

assert get_resolver().url_patterns
