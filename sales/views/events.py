"""What is on, and an event with its seats."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, Exists, Min, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.guest_pages import fan_of
from sales.codes import opened_by_codes
from sales.events import EventNotFound, NotOnSale, check_on_sale, visible_event
from sales.models import Event, EventState, PriceCategory, Seat, free_at
from sales.pricing import price_of
from sales.views.queue_cookies import pass_of
from sales.views.seat_maps import drawn, version_of
from sales.waiting_room.tokens import Pass, read_pass

__all__ = ["PROVIDER", "event", "events", "find_event", "render_event", "seat_choice", "seat_map"]

# The provider that the site's own pages pay with; it takes no money.
PROVIDER = "test"

_A_PAGE = 24
_LONGEST_SEARCH = 100
# An event stays listed for so long after it has begun.
_LISTED_AFTER = timedelta(hours=12)


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """List what is on, the next one first; `q` searches name, venue and city."""
    now = timezone.now()
    words = request.GET.get("q", "").replace("\0", "").strip()[:_LONGEST_SEARCH]
    free = Seat.objects.filter(event=OuterRef("pk")).free(now)
    found = (
        Event.objects.visible_to(request.user)
        .matching(words)
        .filter(starts_at__gt=now - _LISTED_AFTER)
        .select_related("venue", "organisation")
        .annotate(price_from=Min("categories__price_minor"), has_seats=Exists(free))
        .order_by("starts_at", "pk")
    )
    page = Paginator(found, _A_PAGE).get_page(request.GET.get("page"))
    with_seats = {each.pk for each in page if getattr(each, "has_seats", False)}
    listed = [
        {
            "event": each,
            "sale": _sale(each, now, each.pk in with_seats),
            "price_from": _price_from(each),
        }
        for each in page
    ]
    return render(
        request, "sales/event_list.html", {"page": page, "listed": listed, "words": words}
    )


def _price_from(shown: Any) -> int | None:
    """Return what the cheapest category costs, fees included; they never make it another one."""
    if shown.price_from is None:
        return None
    return price_of(shown, PriceCategory(price_minor=shown.price_from)).total_minor


@require_safe
def event(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show an event, its seat map, and a form to buy a seat; `seat` and `code` fill it in."""
    code = request.GET.get("code", "").replace("\0", "")[:40]
    return render_event(request, event_id, seat_id=_uuid(request.GET.get("seat", "")), code=code)


@require_safe
def seat_map(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Return the seat map as SVG; under its version (`v`) it may be kept for ever."""
    shown = find_event(request, event_id)
    if shown.plan_id is None:
        raise Http404("The event has no seats yet.")
    version = version_of(shown, _categories(shown, timezone.now()))
    svg = drawn(event=shown, version=version, user=request.user)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(svg if zipped else gzip.decompress(svg), content_type="image/svg+xml")
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    # A draft's map is its organisation's own.
    whose = "private" if shown.state == EventState.DRAFT else "public"
    kept = "max-age=31536000, immutable" if request.GET.get("v") == version else "no-cache"
    response.headers["Cache-Control"] = f"{whose}, {kept}"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def find_event(request: HttpRequest, event_id: UUID) -> Event:
    """Return an event that the visitor may see; raises Http404."""
    try:
        return visible_event(event_id=event_id, user=request.user)
    except EventNotFound as error:
        raise Http404(str(error)) from None


def render_event(
    request: HttpRequest,
    event_id: UUID,
    *,
    seat_id: UUID | None = None,
    code: str = "",
    problem: str = "",
    status: int = 200,
    preview: bool = False,
) -> HttpResponse:
    """Draw the page of an event, with a problem if there is one; raises Http404.

    `seat_id` and `code` are in its form already. A `preview` is as if it were published, for
    organisers; its form does not buy.
    """
    shown, now = find_event(request, event_id), timezone.now()
    if preview:
        shown.state = EventState.PUBLISHED
    choice = seat_choice(request, shown, seat_id=seat_id)
    sale, presale = _sale(shown, now, bool(choice["free"])), opened_by_codes(shown, now=now)
    context = {
        **choice,
        "event": shown,
        "sale": sale,
        "takes_codes": presale,
        "presale": presale and sale["kind"] == "soon" and bool(choice["free"]),
        "code": code,
        "queue_pass": _pass(request, shown, now),
        "problem": problem,
        "holds": PROVIDER in settings.PAYMENT_PROVIDERS and shown.limit_per_fan > 1,
        "preview": preview,
        # Each page has its own: the form sent twice sells once.
        "key": uuid4().hex,
    }
    response = render(request, "sales/event.html", context, status=status)
    add_never_cache_headers(response)
    return response


def _pass(request: HttpRequest, shown: Event, now: datetime) -> Pass | None:
    """Return the visitor's pass from the waiting room, if she has one."""
    text = pass_of(request, shown.pk) if shown.has_waiting_room else ""
    fan = fan_of(request) if text else None
    return read_pass(text, event_id=shown.pk, fan_id=fan.pk, now=now) if fan else None


def seat_choice(
    request: HttpRequest, shown: Event, *, seat_id: UUID | None = None
) -> dict[str, Any]:
    """Return what a page needs to let a seat be chosen on the map or from lists."""
    now = timezone.now()
    categories = _categories(shown, now)
    sections = _sections(shown)
    section = _section(request, shown, seat_id, sections, now)
    return {
        "categories": categories,
        "free": sum(category.free for category in categories),
        "sections": sections,
        "section": section,
        "rows": _free_rows(shown, section, now),
        "chosen": seat_id,
        "map_version": version_of(shown, categories),
    }


def _categories(shown: Event, now: datetime) -> list[Any]:
    """Return the categories with what they cost, fees included, and their numbers of seats.

    `asked_minor`; `seats_there`, and of these `free`.
    """
    there = Count("seats")
    free = Count("seats", filter=free_at(now, of="seats__"))
    found = PriceCategory.objects.filter(event=shown).annotate(seats_there=there, free=free)
    listed: list[Any] = list(found.order_by("position", "name"))
    for category in listed:
        category.asked_minor = price_of(shown, category).total_minor
    return listed


def _sections(shown: Event) -> list[str]:
    sections = Seat.objects.filter(event=shown).values("section").annotate(first=Min("position"))
    return [each["section"] for each in sections.order_by("first")]


def _section(
    request: HttpRequest,
    shown: Event,
    seat_id: UUID | None,
    sections: list[str],
    now: datetime,
) -> str | None:
    """Return the section whose seats the form offers: asked for, of the seat, or the first free."""
    asked = request.GET.get("section")
    if asked in sections:
        return asked
    seats = Seat.objects.filter(event=shown)
    chosen = seats.filter(pk=seat_id).first() if seat_id else None
    first = chosen or seats.free(now).in_order().first()
    return first.section if first else next(iter(sections), None)


def _free_rows(shown: Event, section: str | None, now: datetime) -> list[tuple[str, list[Seat]]]:
    """Return the free seats of a section by rows, each with what it costs: `asked_minor`."""
    free = Seat.objects.filter(event=shown, section=section).free(now)
    seats: list[Any] = list(free.in_order().select_related("category").defer("event"))
    for seat in seats:
        seat.asked_minor = price_of(shown, seat.category).total_minor
    return [(row, list(group)) for row, group in groupby(seats, key=lambda seat: seat.row)]


def _sale(shown: Event, now: datetime, has_seats: bool) -> dict[str, Any]:
    """Say how the sale stands: whether one can buy, and why not."""
    try:
        check_on_sale(shown, now=now)
    except NotOnSale as error:
        waits = shown.state == EventState.PUBLISHED and now < shown.on_sale_at
        kind = "soon" if waits else shown.state if shown.state != "published" else "ended"
        plain = shown.state in {EventState.DRAFT, EventState.CLOSED, EventState.CANCELLED}
        label = shown.get_state_display() if plain else error.reason.rstrip(".")
        return {"open": False, "kind": kind, "label": label}
    if shown.plan_id is None:
        return {"open": False, "kind": "soon", "label": "The seats are being prepared"}
    if not has_seats:
        return {"open": False, "kind": "sold-out", "label": "Sold out"}
    return {"open": True, "kind": "open", "label": "On sale"}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
