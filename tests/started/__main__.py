"""Write what starts what into docs/testing.md: `python -m tests.started`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from tests.started.ids import marks
from tests.started.table import COMMANDS, PROGRAMS, TARGETS, TASKS

__all__ = ["DOCUMENT", "HEADING", "section", "written"]

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENT = CHECKOUT / "docs" / "testing.md"
HEADING = "## What starts what"

_INTRODUCTION = """
Written by `python -m tests.started` from `tests/started/table.py`. What there is comes from the
code: a task, a command or a target that is missing here fails a test, and so does a test that is
named here and does not start it. Full: `make test-all` runs it; of those targets the gate looks at
what `make -n` shows. Each task finds rows of each kind that it looks at (`tests/started/rows.py`);
what beat sends runs on an empty database, too.
"""


def section() -> str:
    """Return the section: its heading, and a table of each kind."""
    return "\n".join([HEADING + _INTRODUCTION, *_lines()]).rstrip() + "\n"


def _lines() -> Iterator[str]:
    sent: dict[str, str] = {}
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    for entry in schedule.values():
        sent[entry["task"]] = f"beat, every {entry['schedule']:.0f} s"
    tasks = {f"`{name}` | {sent.get(name, 'others')}": by for name, by in TASKS.items()}
    yield from _table("task | sent by", tasks)
    yield from _table("command", {f"`manage.py {name}`": by for name, by in COMMANDS.items()})
    yield from _table("program", {f"`python -m {name}`": by for name, by in PROGRAMS.items()})
    yield from _table("target", {f"`make {name}`": by for name, by in TARGETS.items()})


def _table(title: str, rows: dict[str, str]) -> Iterator[str]:
    columns = title.count("|") + 2
    yield f"| {title} | test |"
    yield "|" + "---|" * columns
    for name, test in rows.items():
        yield f"| {name} | `{test}`{' (full)' if 'full' in marks(test) else ''} |"
    yield ""


def written(text: str) -> str:
    """Return a document with the section in the place of the one that it has, or at its end."""
    before, found, after = text.partition(HEADING + "\n")
    _, heading, rest = after.partition("\n## ")
    following = heading.lstrip("\n") + rest if found else ""
    return before.rstrip() + "\n\n" + section() + (f"\n{following}" if following else "")


if __name__ == "__main__":
    django.setup()
    DOCUMENT.write_text(written(DOCUMENT.read_text() if DOCUMENT.exists() else "# Testing"))
