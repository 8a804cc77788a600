"""What was found, for a terminal, for programs and for docs/."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.figures import Bar, Found, Series

__all__ = ["show", "write_json", "write_markdown"]


def show(found: Found, titles: Mapping[str, str]) -> None:
    """Print tables."""
    console = Console(width=160)
    for case, title in titles.items():
        if not found.of(case):
            continue
        table = Table(title=title)
        header, rows = _rows(found.of(case))
        for name in header:
            table.add_column(name)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    bars = Table(title="Bars")
    for name in ("case", "wanted", "measured", "met"):
        bars.add_column(name)
    for bar in found.bars:
        bars.add_row(bar.case, bar.wanted, bar.measured, _met(bar))
    console.print(bars)
    for name, text in found.notes.items():
        console.print(f"{name}: {text}")


def write_json(path: Path, found: Found, machine: Mapping[str, Any]) -> None:
    """Write every value of every round."""
    told = {
        "machine": dict(machine),
        "bars": [vars(bar) for bar in found.bars],
        "notes": found.notes,
        "series": [each.described() for each in found.series.values()],
    }
    path.write_text(json.dumps(told, indent=1) + "\n")


def write_markdown(
    path: Path, found: Found, machine: Mapping[str, Any], titles: Mapping[str, str]
) -> None:
    """Write the tables for docs/."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; do not edit. [What it means](performance.md).",
        "Medians of the rounds, the range in parentheses. " + _about(machine),
        "",
        "## Bars",
        "",
        *_markdown(
            ["case", "wanted", "measured", "met"],
            [[bar.case, bar.wanted, bar.measured, _met(bar)] for bar in found.bars],
        ),
    ]
    for case, title in titles.items():
        if found.of(case):
            lines += ["", f"## {title}", "", *_markdown(*_rows(found.of(case)))]
    if found.notes:
        lines += ["", "## Notes", "", *(f"- {name}: {text}" for name, text in found.notes.items())]
    path.write_text("\n".join(lines) + "\n")


def _about(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['measured_at']}, {machine['cores']} cores of {machine['processor']} for load, "
        f"web and database together, {machine['busy_before']} of a core busy before it and load "
        f"average {machine['load_average_after']} at its end ({machine['idle']}); "
        f"Python {machine['python']}, "
        f"PostgreSQL {machine['postgresql']}, {versions}."
    )


def _met(bar: Bar) -> str:
    return "yes" if bar.met else "**no**"


def _rows(series: list[Series]) -> tuple[list[str], list[list[str]]]:
    """Lay series out: a row for each size and contender, a column for each thing measured."""
    columns = list(dict.fromkeys((each.what, each.unit) for each in series))
    rows: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    for each in series:
        rows.setdefault((each.size, each.who), {})[each.what, each.unit] = each.text()
    header = ["", "", *(f"{what} {unit}".strip() for what, unit in columns)]
    return header, [
        [size, who, *(found.get(column, "") for column in columns)]
        for (size, who), found in rows.items()
    ]


def _markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
