"""The report of a stampede, for a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worldseat.money import format_money

__all__ = ["print_scoreboard"]

_COLUMNS = (
    ("Buyers", "buyers"),
    ("Sold", "confirmed"),
    ("Refused", "rejected"),
    ("Errors", "errors"),
    ("Unknown", "unknown"),
    ("Missing", "missing"),
    ("Retries", "retries"),
    ("Max\ntries", "max_attempts"),
    ("p50\nms", "p50_ms"),
    ("p99\nms", "p99_ms"),
)
# Shown only where there are any.
_RARE = frozenset({"unknown", "missing"})
# A read-committed run has a violation for nearly every buyer.
_SHOWN = 8
_USUAL = len(_COLUMNS) - len(_RARE)


def print_scoreboard(report: dict[str, Any], console: Console) -> None:
    """Print a table of the regions and the whole, what was out of the ordinary, the verdict."""
    columns = [(title, key) for title, key in _COLUMNS if key not in _RARE or report[key]]
    wanted = f"one seat: {report['seat']}" if report["seat"] else report["aim"].lower()
    title = f"{report['buyers']} buyers, {wanted}, {report['event']}\n{report['store']}"
    table = Table(
        title=escape(title),
        title_justify="left",
        show_footer=True,
        box=box.SIMPLE,
        pad_edge=False,
        show_edge=False,
        # The usual columns fit into 80 characters with this, and all of them without.
        padding=(0, 0 if len(columns) > _USUAL else 1, 0, 0),
    )
    table.add_column("Region", footer="All", no_wrap=True)
    for heading, key in columns:
        table.add_column(heading, footer=_show(report[key]), justify="right")
    for name, region in report["regions"].items():
        table.add_row(name, *(_show(region[key]) for _, key in columns))
    console.print()
    console.print(table)
    for note in report["notes"]:
        console.print(f"[bold yellow]! {escape(note)}[/]", highlight=False)
    _print_verdict(report, console)
    if room := report.get("waiting_room"):
        _print_room(room, console)


def _print_verdict(report: dict[str, Any], console: Console) -> None:
    witness = report["witness"]
    more = witness["violation_count"] - _SHOWN
    for violation in witness["violations"][:_SHOWN]:
        text = f"  {violation['kind']}: {violation['text']}"
        console.print(f"[red]{escape(text)}[/]", highlight=False)
    if more > 0:
        console.print(f"[red]  ... and {more:,} more[/]", highlight=False)
    facts = (
        f"{_count(witness['tickets'], 'valid ticket')}, "
        f"{_count(witness['seats_sold'], 'seat')} sold, "
        f"{_count(witness['told_confirmed'], 'buyer')} told yes."
    )
    if witness["agree"]:
        console.print(f"[bold green]✓ The witness agrees:[/] {facts}", highlight=False)
    else:
        console.print(f"[bold red]✗ The witness DISAGREES:[/] {facts}", highlight=False)
    console.print(
        f"  {_oversold(report)}, {_count(report['retries'], 'retry', 'retries')}, "
        f"{report['duration_ms']:,.0f} ms from the first start to the last end.",
        highlight=False,
    )


def _print_room(room: dict[str, Any], console: Console) -> None:
    mark = "[green]✓[/]" if room["fair"] else "[bold red]✗[/]"
    kept = (
        "all in the order of joining"
        if room["fair"]
        else f"somebody {room['early_ms'] / 1000:,.1f} s before her turn"
    )
    waits = (
        f"; half waited {room['waited_p50_ms'] / 1000:,.1f} s, nobody more than "
        f"{room['waited_max_ms'] / 1000:,.1f} s"
        if room["let_in"]
        else ""
    )
    console.print(
        f"{mark} Waiting room, {room['rate_per_minute']:,} a minute: {room['let_in']:,} of "
        f"{room['joined']:,} let in, {kept}{waits}.",
        highlight=False,
    )


def _oversold(report: dict[str, Any]) -> str:
    if not report["oversold"]:
        return "0 oversold"
    value = format_money(report["oversold_minor"], report["currency"])
    return f"{report['oversold']:,} oversold ({value} at face value)"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _show(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}"
