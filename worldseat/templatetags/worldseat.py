"""Filters for templates: money, milliseconds."""

from __future__ import annotations

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
