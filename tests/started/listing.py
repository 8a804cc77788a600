"""What can be started, as the code has it."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from django.core.management import get_commands

from worldseat.celery import app

__all__ = ["CHECKOUT", "PACKAGES", "commands", "helped", "programs", "targets", "tasks"]

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("accounts", "sales", "worldseat")


def tasks() -> set[str]:
    """Return the names of our Celery tasks."""
    app.loader.import_default_modules()
    return {name for name in app.tasks if name.split(".")[0] in PACKAGES}


def commands() -> set[str]:
    """Return the names of our commands of manage.py."""
    found = get_commands().items()
    return {name for name, package in found if str(package).split(".")[0] in PACKAGES}


def programs() -> set[str]:
    """Return our modules that run by themselves: those for `python -m`."""
    files = [path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")]
    parts = [path.relative_to(CHECKOUT).with_suffix("").parts for path in files if _is_run(path)]
    return {".".join(each).removesuffix(".__main__") for each in parts}


def _is_run(path: Path) -> bool:
    text = path.read_text()
    return path.name == "__main__.py" or any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in (ast.parse(text).body if "__main__" in text else ())
    )


def targets() -> Sequence[str]:
    """Return the targets of the Makefile."""
    (line,) = re.findall(r"^\.PHONY: (.*)$", _makefile(), re.M)
    return str(line).split()


def helped() -> Sequence[str]:
    """Return the targets that `make help` explains."""
    return re.findall(r"^([a-z-]+):[^#\n]*## ", _makefile(), re.M)


def _makefile() -> str:
    return (CHECKOUT / "Makefile").read_text()
