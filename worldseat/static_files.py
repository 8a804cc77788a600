"""How static files are named and compressed when they are collected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

__all__ = ["StaticFilesStorage"]


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
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
        """Compress by gzip alone, also where the package brotli happens to be installed."""
        return Compressor(**options, use_brotli=False)
