"""Holding the best seats that are left, side by side.

Where to look comes from the copy of the occupancy, which costs the database nothing; what is
taken is read in the transaction of the hold. When a conflict or an old copy has taken the
offer away, the next run of the transaction looks elsewhere, and what is left is read from the
database before anybody is told that nothing is.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import Cast

from sales.best_available.blocks import Free, deal
from sales.best_available.layout import layout_of
from sales.best_available.offers import Offers, near_equals
from sales.best_available.splitting import splits
from sales.codes import CodeRequired, find_code
from sales.contention import counts_conflicts
from sales.events import EventNotFound
from sales.holds import place_hold
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.in_flight import offer_seats, settle_seats
from sales.models import Event, Hold, PriceType, Seat
from sales.occupancy import Occupancy, occupancy_of
from sales.pricing import price_of
from sales.seats import UnknownSeat
from sales.selling import Line
from sales.waiting_room.tokens import check_pass
from worldseat.dsql.occ import occ_retry

__all__ = ["BestHold", "NoSeatsLeft", "Wish", "hold_best_available"]


# How many ways to split are weighed, when as many buyers come at once.
MOST_SPLITS = 32


class NoSeatsLeft(Exception):
    """The event has not as many such seats left."""


@dataclass(frozen=True)
class Wish:
    """What a fan wants: so many seats, perhaps of one category, or wheelchair places.

    `price_type_ids` are for as many of the seats, and all of one category; the others are at
    the full price.
    """

    quantity: int
    category_id: UUID | None = None
    accessible: bool = False
    price_type_ids: Sequence[UUID] = ()


class BestHold(NamedTuple):
    """A hold, and whether its seats are side by side."""

    hold: Hold
    contiguous: bool


def hold_best_available(
    *,
    event_id: UUID,
    wish: Wish,
    fan_id: UUID,
    region: str,
    now: datetime,
    code: str = "",
    queue_pass: str = "",
    keyed: Keyed[BestHold] | None = None,
) -> BestHold | Answer:
    """Hold the best seats that are left: side by side, or else in the fewest pieces.

    Without a category, those that need a code count only for who has one. Raises NoSeatsLeft,
    and UnknownSeat for an event, category or price type that is not there; otherwise as
    `holds.hold_seats`.
    """
    try:
        found = occupancy_of(event_id=event_id, now=now)
    except EventNotFound:
        raise UnknownSeat from None
    if not found.is_public:
        raise UnknownSeat
    offers = Offers(
        found,
        layout_of(event_id=event_id, plan_id=found.plan_id),
        quantity=wish.quantity,
        accessible=wish.accessible,
        in_flight=_in_flight(found, wish.quantity),
        share=_share(region),
    )
    try:
        return _hold(
            event_id=event_id,
            wish=wish,
            offers=offers,
            fan_id=fan_id,
            region=region,
            code=code,
            queue_pass=queue_pass,
            now=now,
            keyed=keyed,
        )
    finally:
        settle_seats(event_id, found.read_at, wish.quantity)


def _in_flight(found: Occupancy, quantity: int) -> int | None:
    """Count the seats as offered, and return how many others are that the copy does not show."""
    before = offer_seats(found.event_id, found.read_at, quantity)
    return None if before is None else max(before - found.settled, 0)


def _share(region: str) -> tuple[int, int]:
    """Return which part of the blocks a region offers first: its number, of how many."""
    regions = settings.REGIONS
    return (regions.index(region), len(regions)) if region in regions else (0, 1)


def _is_keyed(*, keyed: Keyed[BestHold] | None = None, **_: object) -> bool:
    """Tell whether a hold may be placed again after a COMMIT that got no answer."""
    return keyed is not None


@counts_conflicts()
@occ_retry(repeatable=_is_keyed)
def _hold(
    *,
    event_id: UUID,
    wish: Wish,
    offers: Offers,
    fan_id: UUID,
    region: str,
    code: str,
    queue_pass: str,
    now: datetime,
    keyed: Keyed[BestHold] | None,
) -> BestHold | Answer:
    if keyed and (answer := stored_answer(keyed.request, now=now)):
        return answer
    types = _price_types(wish)
    eligible = _eligible(offers.found, wish, types, code=code, now=now)
    seats, contiguous = _find(event_id, offers, eligible, now=now)
    lines = _lines(seats, types)
    event = seats[0].event
    if not event.is_public:
        raise UnknownSeat
    check_pass(event, fan_id=fan_id, text=queue_pass, now=now)
    hold = place_hold(event, lines, fan_id=fan_id, region=region, code_text=code, now=now)
    best = BestHold(hold, contiguous)
    if keyed:
        store_answer(keyed.request, keyed.render(best), now=now)
    return best


def _price_types(wish: Wish) -> list[PriceType]:
    """Read the price types in the order asked for; raises UnknownSeat."""
    if not wish.price_type_ids:
        return []
    found = PriceType.objects.in_bulk(set(wish.price_type_ids))
    if len(found) != len(set(wish.price_type_ids)):
        raise UnknownSeat
    return [found[pk] for pk in wish.price_type_ids]


def _eligible(
    found: Occupancy, wish: Wish, types: Iterable[PriceType], *, code: str, now: datetime
) -> frozenset[str]:
    """Return the categories the fan may have; raises UnknownSeat and CodeRequired."""
    of_event = dict(found.categories)
    named = {str(each.category_id) for each in types}
    if wish.category_id:
        named.add(str(wish.category_id))
    if len(named) > 1 or not named <= set(of_event):
        raise UnknownSeat
    if named:
        return frozenset(named)
    if code:
        presale = find_code(Event.objects.get(pk=found.event_id), code, now=now)
        if presale and presale.category_id:
            return frozenset({str(presale.category_id)})
        return frozenset(of_event)
    public = frozenset(category for category, needs_code in of_event.items() if not needs_code)
    if not public:
        raise CodeRequired("The seats of this event are sold only under a presale code.")
    return public


def _find(
    event_id: UUID, offers: Offers, eligible: frozenset[str], *, now: datetime
) -> tuple[list[Seat], bool]:
    """Return seats that are free in this transaction, and whether they are side by side."""
    candidates = [block.seats for block in offers.next(eligible)]
    if candidates:
        seats = _read(event_id, [pk for block in candidates for pk in block])
        for block in candidates:
            if all(_suits(seats.get(pk), offers, eligible, now) for pk in block):
                return [seats[pk] for pk in block], True
    left = _left(event_id, offers, eligible, now=now)
    blocks = deal(offers.layout, left, offers.quantity)
    if blocks:
        chosen = near_equals(blocks, offers.rivals)[0].seats
    else:
        most = min(offers.rivals + 1, MOST_SPLITS)
        ways = splits(offers.layout, left, offers.quantity, most=most)
        if not ways:
            raise NoSeatsLeft("There are not as many such seats left.")
        chosen = random.choice(ways)  # noqa: S311 # no secret: who guesses it gains nothing
    seats = _read(event_id, chosen)
    return [seats[pk] for pk in chosen], bool(blocks)


def _read(event_id: UUID, ids: Iterable[str]) -> dict[str, Seat]:
    seats = Seat.objects.select_related("event", "category")
    found = seats.filter(event_id=event_id, pk__in=set(ids))
    return {str(seat.pk): seat for seat in found}


def _suits(seat: Seat | None, offers: Offers, eligible: frozenset[str], now: datetime) -> bool:
    return (
        seat is not None
        and seat.is_free(now)
        and seat.accessible == offers.accessible
        and str(seat.category_id) in eligible
    )


def _left(event_id: UUID, offers: Offers, eligible: frozenset[str], *, now: datetime) -> Free:
    """Read all that is left, with one statement."""
    ranks = {category: rank for rank, (category, _) in enumerate(offers.found.categories)}
    seat_id, category_id = (Cast(key, TextField()) for key in ("pk", "category_id"))
    seats = Seat.objects.filter(event_id=event_id).free(now)
    rows = list(seats.values_list(seat_id, category_id, "accessible"))
    wanted = {
        pk: ranks.get(category, len(ranks))
        for pk, category, accessible in rows
        if category in eligible and accessible == offers.accessible
    }
    return Free(wanted, frozenset(pk for pk, *_ in rows if pk not in wanted))


def _lines(seats: Sequence[Seat], types: Sequence[PriceType]) -> list[Line]:
    """Give the first seats the price types, and the others the full price."""
    each = [*types, *[None] * (len(seats) - len(types))]
    return [
        Line(seat, price_of(seat.event, seat.category, price_type), price_type)
        for seat, price_type in zip(seats, each, strict=True)
    ]
