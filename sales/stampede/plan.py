"""Planning a stampede: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F, Q

from sales.events import NotOnSale, check_on_sale
from sales.models import (
    Attempt,
    Event,
    Seat,
    Shape,
    Stampede,
    StampedeRegion,
    StampedeState,
)
from sales.stampede.contenders import CONTENDERS, Unavailable, contender_named
from sales.stampede.crowd import BATCH_ROWS, gather_fans
from sales.stampede.faults import has_faults
from sales.stampede.options import Options, options_of
from sales.stampede.room import open_room
from sales.stampede.settling import settle
from sales.stampede.shapes import arrivals, deal, first_choices
from worldseat.dsql.occ import occ_retry

__all__ = ["MOST_BUYERS", "MOST_MS", "MOST_RATE", "CannotStampede", "check_plan", "plan_stampede"]

MOST_BUYERS = 5000
MOST_MS = 600_000
# Of a waiting room, in fans a minute.
MOST_RATE = 1_000_000

_ACTIVE = (StampedeState.PLANNED, StampedeState.RUNNING)
_SELLING = [each.name for each in CONTENDERS.values() if each.sells_product]
_USUAL = Options()


class CannotStampede(ValueError):
    """A stampede cannot run like this; nothing was planned.

    `field` is what has to change: event, seat, buyers, regions, or one of the Options.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_plan(
    *,
    event_id: UUID,
    seat_id: UUID | None,
    buyers: int,
    regions: Sequence[str],
    now: datetime,
    options: Options = _USUAL,
) -> Event:
    """Return the event if such a stampede may be planned at `now`; raise CannotStampede."""
    _check_numbers(buyers, regions)
    _check_options(options, regions)
    event = _check_event(event_id, now)
    _check_room(event, buyers, options)
    free = CONTENDERS[options.contender].sells_product
    if (seat_id is not None) != (options.shape == Shape.ONE_SEAT):
        raise CannotStampede("seat", "Name a seat for the shape one-seat, and for no other.")
    if seat_id:
        _check_seat(event, seat_id, free=free, now=now)
    elif not (seats := _wanted_seats(event.pk, free=free, now=now)):
        raise CannotStampede("event", f"{event.name!r} has no seat that is available.")
    elif options.shape == Shape.SPREAD and len(seats) < buyers:
        raise CannotStampede("buyers", f"{buyers} buyers want a seat each, of {len(seats)}.")
    return event


def plan_stampede(
    *,
    event_id: UUID,
    seat_id: UUID | None,
    buyers: int,
    regions: Sequence[str],
    started_by: UUID | None,
    now: datetime,
    options: Options = _USUAL,
) -> UUID:
    """Write down a stampede and its buyers' attempts, all pending; return its id.

    The buyers are dealt to the regions in turn, by the regions' weights. Runs several
    transactions, each below DSQL's 3,000 rows. Raises CannotStampede.
    """
    event = check_plan(
        event_id=event_id,
        seat_id=seat_id,
        buyers=buyers,
        regions=regions,
        now=now,
        options=options,
    )
    _settle_forgotten(event_id, now)
    fans = gather_fans(event=event, number=buyers, waits=bool(options.waiting_room))
    dealt = deal(regions, buyers, options)
    stampede = Stampede(
        id=uuid4(),
        event_id=event_id,
        seat_id=seat_id,
        contender=options.contender,
        shape=options.shape,
        options=options.as_dict(),
        buyers=buyers,
        started_by_id=started_by,
        created_at=now,
    )
    shares = [
        StampedeRegion(stampede=stampede, region=region, buyers=dealt.count(region))
        for region in regions
    ]
    _write_stampede(stampede, shares, now=now)
    if options.waiting_room:
        open_room(event_id=event_id, rate_per_minute=options.waiting_room, now=now)
    attempts = _plan_attempts(stampede, dealt, fans, options)
    for first in range(0, len(attempts), BATCH_ROWS):
        _write_attempts(attempts[first : first + BATCH_ROWS])
    return stampede.pk


def _plan_attempts(
    stampede: Stampede, dealt: Sequence[str], fans: Sequence[UUID], options: Options
) -> list[Attempt]:
    buyers = stampede.buyers
    free = CONTENDERS[options.contender].sells_product
    seats = (
        []
        if stampede.seat_id
        else _wanted_seats(stampede.event_id, free=free, now=stampede.created_at)
    )
    wanted = first_choices(seats, buyers, stampede.seat_id, options)
    after = arrivals(buyers, options)
    return [
        Attempt(
            stampede=stampede,
            region=dealt[number],
            number=number + 1,
            fan_id=fans[number],
            seat_id=wanted[number],
            after_ms=after[number],
        )
        for number in range(buyers)
    ]


def _wanted_seats(event_id: UUID, *, free: bool, now: datetime) -> list[UUID]:
    """Return the event's seats in order; with `free`, those that are available."""
    seats = Seat.objects.filter(event_id=event_id)
    if free:
        seats = seats.free(now)
    return list(seats.in_order().values_list("pk", flat=True))


def _check_options(options: Options, regions: Sequence[str]) -> None:
    try:
        contender = contender_named(options.contender)
        contender.require(options)
    except Unavailable as error:
        raise CannotStampede("contender", str(error)) from error
    if options.shape not in Shape.values:
        shapes = ", ".join(Shape.values)
        raise CannotStampede("shape", f"There is no shape {options.shape!r}; use {shapes}.")
    if options.faults and not contender.sells_product:
        raise CannotStampede(
            "faults",
            f"The faults are those of the regional endpoints, and {contender.name} goes past them.",
        )
    bad = [name for name, weight in options.shares.items() if name not in regions or weight <= 0]
    if bad:
        raise CannotStampede("shares", f"No share for {', '.join(bad)}: name regions, above 0.")
    for name in ("think_ms", "rush_ms", "lag_ms"):
        if not 0 <= getattr(options, name) <= MOST_MS:
            raise CannotStampede(name, f"{name} is 0 to {MOST_MS:,} milliseconds.")


def _check_numbers(buyers: int, regions: Sequence[str]) -> None:
    if not 1 <= buyers <= MOST_BUYERS:
        raise CannotStampede("buyers", f"{buyers} buyers: use 1 to {MOST_BUYERS:,}.")
    known = ", ".join(settings.REGIONS)
    if not regions:
        raise CannotStampede("regions", f"No region: name at least one of {known}.")
    if unknown := [region for region in regions if region not in settings.REGIONS]:
        raise CannotStampede(
            "regions", f"Unknown region {', '.join(map(repr, unknown))}: use {known}."
        )
    if len(set(regions)) != len(regions):
        raise CannotStampede("regions", "A region is named twice: name each once.")


def _check_room(event: Event, buyers: int, options: Options) -> None:
    rate = options.waiting_room
    if not 0 <= rate <= MOST_RATE:
        raise CannotStampede("waiting_room", f"Let in 1 to {MOST_RATE:,} a minute, or 0: no room.")
    if not CONTENDERS[options.contender].sells_product:
        if rate:
            raise CannotStampede("waiting_room", f"{options.contender} has no waiting room.")
    elif rate and not buyers * 60_000 / rate <= MOST_MS:
        least = -(-buyers * 60_000 // MOST_MS)
        raise CannotStampede(
            "waiting_room", f"{buyers} buyers wait for too long: let in {least} a minute at least."
        )
    elif event.has_waiting_room and not rate:
        raise CannotStampede(
            "waiting_room",
            f"{event.name!r} has a waiting room: say how many it lets in a minute, or switch it "
            f"off.",
        )


def _check_event(event_id: UUID, now: datetime) -> Event:
    """Return the event, if a stampede may run at it now."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise CannotStampede("event", "There is no such event.")
    if not event.is_simulation:
        raise CannotStampede(
            "event",
            f"{event.name!r} is a real event: a stampede would sell its seats to nobody. "
            f"Use an event that is marked as a simulation.",
        )
    try:
        check_on_sale(event, now=now)
    except NotOnSale as error:
        raise CannotStampede(
            "event", f"{error.reason} Publish {event.name!r}, or change when it sells."
        ) from error
    return event


def _check_seat(event: Event, seat_id: UUID, *, free: bool, now: datetime) -> None:
    """Refuse a seat that is none of the event's, or with `free` one that is not available."""
    seat = Seat.objects.filter(pk=seat_id, event=event).first()
    if seat is None:
        raise CannotStampede("seat", f"{event.name!r} has no such seat.")
    if free and not seat.is_free(now):
        raise CannotStampede("seat", _why_not(seat, now))


def _why_not(seat: Seat, now: datetime) -> str:
    return f"Seat {seat.label} is {seat.status} already. {_name_others(seat, now)}"


def _name_others(seat: Seat, now: datetime) -> str:
    others = Seat.objects.filter(event_id=seat.event_id).free(now)
    labels = [other.label for other in others.in_order()[:3]]
    if not labels:
        return "No other seat of the event is available: use another event."
    return f"Name one that is available, such as {', '.join(labels)}."


def _settle_forgotten(event_id: UUID, now: datetime) -> None:
    """Close the stampedes at the event that nobody runs any more."""
    active = Stampede.objects.filter(event_id=event_id, state__in=_ACTIVE)
    for stampede_id in list(active.values_list("pk", flat=True)):
        settle(stampede_id=stampede_id, now=now)


@occ_retry(repeatable=True)
def _write_stampede(stampede: Stampede, shares: list[StampedeRegion], *, now: datetime) -> None:
    """Write the stampede, unless another one sells the same seats.

    Two that plan at once would both see none (write skew), so both write the event's row. To
    lock it would do on DSQL, but not on PostgreSQL, where who waited for a lock goes on in his
    old snapshot.
    """
    if CONTENDERS[stampede.contender].sells_product:
        event = _check_event(stampede.event_id, now)
        if stampede.seat_id:
            _check_seat(event, stampede.seat_id, free=True, now=now)
        Event.objects.filter(pk=event.pk).update(name=F("name"))
        _refuse_company(stampede, now=now)
    _refuse_other_faults(stampede)
    Stampede.objects.bulk_create([stampede], ignore_conflicts=True)
    StampedeRegion.objects.bulk_create(shares, ignore_conflicts=True)


def _refuse_company(stampede: Stampede, *, now: datetime) -> None:
    others = Stampede.objects.filter(
        event_id=stampede.event_id, state__in=_ACTIVE, contender__in=_SELLING
    ).exclude(pk=stampede.pk)
    # A room has one rate and one line, whichever seat its buyers want.
    share_room = any(options_of(each).waiting_room for each in (stampede, *others))
    if stampede.seat_id and not share_room:
        others = others.filter(Q(seat_id=stampede.seat_id) | Q(seat=None))
    if not others.exists():
        return
    if stampede.seat is None or share_room:
        raise CannotStampede(
            "event", "Another stampede runs at the event. Wait for it, or use another event."
        )
    raise CannotStampede(
        "seat",
        f"Another stampede runs at seat {stampede.seat.label}. Wait for it, or use another "
        f"seat. " + _name_others(stampede.seat, now),
    )


def _refuse_other_faults(stampede: Stampede) -> None:
    """The endpoints have one set of faults: two stampedes would end each other's."""
    active = Stampede.objects.filter(state__in=_ACTIVE).exclude(pk=stampede.pk)
    if has_faults(stampede) and any(map(has_faults, active)):
        raise CannotStampede("faults", "Another stampede with faults runs. Wait for it.")


@occ_retry(repeatable=True)
def _write_attempts(attempts: list[Attempt]) -> None:
    Attempt.objects.bulk_create(attempts, ignore_conflicts=True)
