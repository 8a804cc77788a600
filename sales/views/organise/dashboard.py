"""The dashboard of a sale as it runs: drawn here, redrawn every few seconds by a small script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Role
from sales.back_office.live import Live, live_of, seat_news
from sales.models import Event
from sales.organising.event_states import moves_from
from sales.views.events import seat_choice
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.views.organise.charts import Columns, bars, columns
from worldseat.money import format_money

__all__ = ["dashboard", "live"]

# What the script replaces, each on its own, so that what is open or focused elsewhere stays.
PARTS = ("figures", "categories", "minutes", "takings", "conflicts")


@require_safe
@organiser_page
def dashboard(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show how the sale goes, and the switch that pauses it."""
    event = event_or_404(request, event_id)
    found = live_of(event_id=event.pk, now=timezone.now())
    choice = seat_choice(request, event)
    context = {
        **_drawn(event, found),
        "map_version": choice["map_version"],
        "categories": choice["categories"],
        "moves": [move for move in moves_from(event) if move in {"publish", "pause", "resume"}],
        "manages": has_role(request, event, Role.MANAGER),
        "parts": PARTS,
    }
    return render(request, "sales/organise/dashboard.html", context)


@require_safe
@organiser_page
def live(request: HttpRequest, event_id: UUID) -> JsonResponse:
    """Return the parts of the page anew, and the seats that changed since a cursor."""
    event = event_or_404(request, event_id)
    now = timezone.now()
    found = live_of(event_id=event.pk, now=now)
    news = seat_news(event_id=event.pk, since=request.GET.get("since", ""), now=now)
    return JsonResponse(
        {
            "read_at": found.read_at.timestamp(),
            "state": event.state,
            "parts": _parts(event, found),
            "cursor": news.cursor,
            "seats": news.changed,
        }
    )


def _parts(event: Event, found: Live) -> dict[str, str]:
    """Render the parts, once for all who watch in this second."""
    key = f"live:parts:{event.pk}:{found.read_at.timestamp()}"
    kept: dict[str, str] | None = cache.get(key)
    if kept is None:
        context = _drawn(event, found)
        kept = {
            name: render_to_string(f"sales/organise/live_{name}.html", context) for name in PARTS
        }
        cache.set(key, kept, 10)
    return kept


def _drawn(event: Event, found: Live) -> dict[str, Any]:
    """Return what the templates need: the numbers, and the geometry of the charts."""
    fought = [minute.conflicts for minute in found.contention]
    minutes = [minute for minute, _ in found.tickets_by_minute]
    return {
        "event": event,
        "live": found,
        "last_minute": found.tickets_by_minute[-1][1] + found.tickets_by_minute[-2][1],
        "last_hour": sum(number for _, number in found.tickets_by_minute),
        "conflicts": sum(fought),
        "gave_up": sum(minute.gave_up for minute in found.contention),
        "category_bars": bars(found.categories),
        "minute_chart": _by_minute(minutes, [n for _, n in found.tickets_by_minute], "sold"),
        "conflict_chart": _by_minute(minutes, fought, "conflicts"),
        "taking_chart": _taking_chart(event, found),
        "busy_minutes": [line for line in reversed(found.tickets_by_minute) if line[1]],
        "fought_minutes": [
            (minute, each)
            for minute, each in zip(reversed(minutes), reversed(found.contention), strict=True)
            if each.conflicts
        ],
    }


def _by_minute(minutes: Sequence[datetime], numbers: Sequence[int], what: str) -> Columns | None:
    return columns(
        [
            (f"{minute:%H:%M}", number, f"{minute:%H:%M}: {number} {what}")
            for minute, number in zip(minutes, numbers, strict=True)
        ]
    )


def _taking_chart(event: Event, found: Live) -> Columns | None:
    pattern = "%-d %b %H:%M" if found.by_hour else "%-d %b"
    return columns(
        [
            (at, minor, f"{at}: {format_money(minor, event.currency)}")
            for at, minor in (
                (f"{taking.since:{pattern}}", taking.until_then_minor)
                for taking in found.takings[-90:]
            )
        ],
        unit=event.currency,
    )
