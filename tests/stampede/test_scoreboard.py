"""The scoreboard on a terminal of 80 columns."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from sales.stampede.scoreboard import print_scoreboard


def _report(**changes: Any) -> dict[str, Any]:
    counts = {
        "buyers": 2500,
        "confirmed": 1,
        "rejected": 2499,
        "errors": 0,
        "unknown": 0,
        "missing": 0,
        "retries": 1234,
        "max_attempts": 12,
        "p50_ms": 1234.5,
        "p99_ms": 12345.6,
        **changes,
    }
    return {
        **counts,
        "event": "Rush",
        "seat": "A-1",
        "store": "PostgreSQL, in place of DSQL",
        "oversold": 0,
        "duration_ms": 1619.4,
        "regions": {"us-east-1": counts, "us-east-2": counts},
        "notes": ["us-east-2: [gone]"] if changes else [],
        "witness": {
            "agree": True,
            "tickets": 1,
            "seats_sold": 1,
            "told_confirmed": 1,
            "violation_count": 0,
            "violations": [],
        },
    }


def _shown(report: dict[str, Any]) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    print_scoreboard(report, console)
    return console.export_text()


@pytest.mark.parametrize("changes", [{}, {"missing": 1200}, {"missing": 1200, "unknown": 3}])
def test_shows_every_figure_and_heading_whole(changes: dict[str, Any]) -> None:
    shown = _shown(_report(**changes))
    assert "…" not in shown
    for words in ("Buyers", "Sold", "Refused", "Errors", "Retries", "2,499", "12,346"):
        assert words in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_shows_what_is_missing_only_where_something_is() -> None:
    assert "Missing" not in _shown(_report())
    shown = _shown(_report(missing=1200))
    assert "Missing" in shown
    assert "! us-east-2: [gone]" in shown
    assert "Unknown" not in shown


def test_shows_a_dash_where_nobody_came() -> None:
    rows = _shown(_report(p50_ms=None, p99_ms=None)).splitlines()
    assert any(row.split()[-2:] == ["-", "-"] for row in rows)


def test_shows_each_violation() -> None:
    report = _report()
    text = "A-1 has 2 valid tickets."
    violation = {"kind": "double_sale", "seat": "A-1", "who": "", "text": text}
    report["witness"].update(agree=False, violations=[violation])
    shown = _shown(report)
    assert f"double_sale: {text}" in shown
    assert "DISAGREES" in shown
    assert "agrees" not in shown
