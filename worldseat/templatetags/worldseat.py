"""Filters for templates: money, durations, words, numbers of charts."""

from __future__ import annotations

from typing import Any

from django import template

from worldseat.money import format_money

register = template.Library()


@register.filter
def money(minor: int | None, currency: str) -> str:
    """Write an amount in minor units: `{{ order.total_minor|money:order.currency }}`."""
    return "" if minor is None else format_money(minor, currency)


@register.filter
def milliseconds(value: float | None) -> str:
    """Write a duration as short as it may be: 8.4 ms, 137 ms, 2.35 s; a dash for none."""
    if value is None:
        return "–"  # noqa: RUF001 (a dash)
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


@register.filter
def join_words(value: Any) -> str:
    """Write a value of the audit log: a list with commas, nothing as a dash."""
    if isinstance(value, list):
        value = ", ".join(str(each) for each in value)
    return "–" if value is None or value == "" else str(value)  # noqa: RUF001 (a dash)


@register.filter
def waiting_words(seconds: int | None) -> str:
    """Write how long somebody waits, no more exactly than anybody knows."""
    if seconds is None:
        return "unknown"
    if seconds < 60:
        return "under a minute"
    minutes = round(seconds / 60)
    if minutes < 90:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{round(minutes / 60)} hours"


@register.filter
def minor_money(value: float, currency: str) -> str:
    """Write a chart's number of minor units as money."""
    return format_money(round(value), currency)


@register.filter
def unlocalised(value: float) -> str:
    """Write a number as SVG takes it."""
    return f"{value:g}"
