"""Runs of several contenders side by side: for a terminal, for README, as JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from worldseat.money import format_money

__all__ = ["CSV_FIELDS", "as_csv", "as_markdown", "summarise_runs"]

Report = Mapping[str, Any]

CSV_FIELDS = (
    *("id", "contender", "shape", "started_at", "buyers", "seats", "state"),
    *("confirmed", "rejected", "errors", "unknown", "missing"),
    *("oversold", "oversold_minor", "currency", "index_stops"),
    *("retries", "conflicts", "max_attempts", "p50_ms", "p99_ms", "duration_ms"),
)


def summarise_runs(reports: Iterable[Report]) -> list[dict[str, Any]]:
    """Return one row for each contender, in the order of their first runs.

    Counts are of all its runs; latencies and retries are the median of the runs.
    """
    by_name: dict[str, list[Report]] = {}
    for report in reports:
        by_name.setdefault(report["contender"], []).append(report)
    return [_summarise(name, runs) for name, runs in by_name.items()]


def _summarise(name: str, runs: Sequence[Report]) -> dict[str, Any]:
    stops = [each["index_stops"] for each in runs if each["index_stops"] is not None]
    return {
        "contender": name,
        "title": runs[0]["title"],
        "store": runs[0]["store"],
        "runs": len(runs),
        "runs_oversold": sum(each["oversold"] > 0 for each in runs),
        "runs_agreed": sum(each["witness"]["agree"] for each in runs),
        "sold": sum(each["confirmed"] for each in runs),
        "refused": sum(each["rejected"] for each in runs),
        "failed": sum(each["errors"] + each["unknown"] + each["missing"] for each in runs),
        "oversold": sum(each["oversold"] for each in runs),
        "oversold_minor": sum(each["oversold_minor"] for each in runs),
        "currency": runs[0]["currency"],
        "index_stops": sum(stops) if stops else None,
        "retries": median(each["retries"] for each in runs),
        "p50_ms": _median(each["p50_ms"] for each in runs),
        "p99_ms": _median(each["p99_ms"] for each in runs),
    }


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


_HEADINGS = (
    "Contender",
    "Oversold in",
    "Sold",
    "Refused",
    "Oversold",
    "At face value",
    "Retries a run",
    "p50",
    "p99",
)


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the summary as a table in Markdown."""
    lines = [" | ".join(_HEADINGS), " | ".join(["---"] + ["--:"] * (len(_HEADINGS) - 1))]
    lines += [" | ".join(_cells(row)) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    failed = f" (+ {row['failed']} failed)" if row["failed"] else ""
    return [
        f"`{row['contender']}`",
        f"{row['runs_oversold']} of {row['runs']} runs",
        f"{row['sold']:,}",
        f"{row['refused']:,}{failed}",
        f"**{row['oversold']:,}**" if row["oversold"] else "0",
        format_money(row["oversold_minor"], row["currency"]),
        f"{row['retries']:,.0f}",
        _milliseconds(row["p50_ms"]),
        _milliseconds(row["p99_ms"]),
    ]


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"


def as_csv(reports: Iterable[Report]) -> str:
    """Return one line for each run, with a heading."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_FIELDS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(reports)
    return text.getvalue()
