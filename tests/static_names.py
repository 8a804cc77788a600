"""The static files of the tests: by their plain names, and none but those that are collected."""

from __future__ import annotations

import functools

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

__all__ = ["StrictNames"]


class StrictNames(StaticFilesStorage):
    """Refuse a name that has no file, as the manifest of a deployment does."""

    def url(self, name: str | None) -> str:
        """Return the address of a file; raise ValueError if it would not be collected."""
        if name and not name.endswith("/") and not _is_found(name.partition("#")[0]):
            raise ValueError(f"Missing staticfiles manifest entry for {name!r}")
        return super().url(name)


@functools.cache
def _is_found(name: str) -> bool:
    return bool(finders.find(name))
