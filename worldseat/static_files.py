"""Which static files there are, and how they are named and compressed when they are collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.contrib.staticfiles.utils import matches_patterns
from django.core.files.storage import Storage
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

__all__ = ["AppFilesFinder", "StaticFilesStorage"]

# What no page asks for, by the names of files and directories: most of the bytes.
_LEFT_OUT = (
    "*.map",
    "redoc",  # the API is described by Swagger UI
    "rest_framework",  # its browsable API; ours answers in JSON alone
)


class AppFilesFinder(AppDirectoriesFinder):
    """The files of the apps, but for what is left out: that is found nowhere, in tests neither."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """List what is collected."""
        yield from super().list([*(ignore_patterns or ()), *_LEFT_OUT])

    def find(self, path: str, *args: Any, **options: Any) -> Any:
        """Return where a file is, [] if nowhere."""
        if any(matches_patterns(part, _LEFT_OUT) for part in path.split("/")):
            return []
        return super().find(path, *args, **options)


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """WhiteNoise's storage, with one copy of each file: the one with a hash in its name.

    Scripts import each other by those names too, so that a browser keeps every file for good and
    never mixes two versions.
    """

    keep_only_hashed_files = True
    support_js_module_import_aggregation = True

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[Any], str]:
        """Replace the address of a source map with nothing: source maps are not collected."""
        if template and "sourceMappingURL" in template:
            return lambda found: ""
        convert: Callable[[Any], str] = super().url_converter(name, hashed_files, template)
        return convert

    def create_compressor(self, **options: Any) -> Compressor:
        """Compress by gzip alone, even if the package brotli happens to be installed."""
        return Compressor(**options, use_brotli=False)
