"""Planning a stampede: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F

from sales.events import NotOnSale, check_on_sale
from sales.models import (
    Attempt,
    Event,
    Seat,
    SeatStatus,
    Stampede,
    StampedeRegion,
    StampedeState,
)
from sales.stampede.crowd import BATCH_ROWS, gather_fans
from sales.stampede.settling import settle
from worldseat.dsql.occ import occ_retry

__all__ = ["MOST_BUYERS", "CannotStampede", "check_plan", "plan_stampede"]

MOST_BUYERS = 5000


class CannotStampede(ValueError):
    """A stampede cannot run like this; nothing was planned.

    `field` is what has to change: event, seat, buyers or regions.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_plan(
    *, event_id: UUID, seat_id: UUID, buyers: int, regions: Sequence[str], now: datetime
) -> Event:
    """Return the event if such a stampede may be planned at `now`; raise CannotStampede."""
    _check_numbers(buyers, regions)
    return _check_seat(event_id, seat_id, now).event


def plan_stampede(
    *,
    event_id: UUID,
    seat_id: UUID,
    buyers: int,
    regions: Sequence[str],
    started_by: UUID | None,
    now: datetime,
) -> UUID:
    """Write down a stampede and its buyers' attempts, all pending; return its id.

    The buyers are dealt to the regions in turn. Runs several transactions, each below DSQL's
    3,000 rows. Raises CannotStampede.
    """
    event = check_plan(event_id=event_id, seat_id=seat_id, buyers=buyers, regions=regions, now=now)
    _settle_forgotten(seat_id, now)
    fans = gather_fans(event=event, number=buyers)
    dealt = [regions[number % len(regions)] for number in range(buyers)]
    stampede = Stampede(
        id=uuid4(),
        event_id=event_id,
        seat_id=seat_id,
        buyers=buyers,
        started_by_id=started_by,
        created_at=now,
    )
    shares = [
        StampedeRegion(stampede=stampede, region=region, buyers=dealt.count(region))
        for region in regions
    ]
    _write_stampede(stampede, shares, now=now)
    attempts = [
        Attempt(stampede=stampede, region=region, number=number, fan_id=fan)
        for number, (region, fan) in enumerate(zip(dealt, fans, strict=True), start=1)
    ]
    for first in range(0, len(attempts), BATCH_ROWS):
        _write_attempts(attempts[first : first + BATCH_ROWS])
    return stampede.pk


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


def _check_seat(event_id: UUID, seat_id: UUID, now: datetime) -> Seat:
    """Return the seat with its event, if a stampede may run at them now."""
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
    seat = Seat.objects.select_related("event").filter(pk=seat_id, event_id=event_id).first()
    if seat is None:
        raise CannotStampede("seat", f"{event.name!r} has no such seat.")
    if seat.status != SeatStatus.AVAILABLE:
        raise CannotStampede("seat", _why_not(seat))
    return seat


def _why_not(seat: Seat) -> str:
    return f"Seat {seat.label} is {seat.status} already. {_name_others(seat)}"


def _name_others(seat: Seat) -> str:
    others = Seat.objects.filter(event_id=seat.event_id, status=SeatStatus.AVAILABLE)
    labels = [other.label for other in others.in_order()[:3]]
    if not labels:
        return "No other seat of the event is available: use another event."
    return f"Name one that is available, such as {', '.join(labels)}."


def _settle_forgotten(seat_id: UUID, now: datetime) -> None:
    """Close the stampedes at the seat that nobody runs any more."""
    active = Stampede.objects.filter(seat_id=seat_id, state__in=_ACTIVE)
    for stampede_id in list(active.values_list("pk", flat=True)):
        settle(stampede_id=stampede_id, now=now)


_ACTIVE = (StampedeState.PLANNED, StampedeState.RUNNING)


@occ_retry(repeatable=True)
def _write_stampede(stampede: Stampede, shares: list[StampedeRegion], *, now: datetime) -> None:
    """Write the stampede, unless another one runs at the seat.

    Two that plan at once would both see none (write skew), so both write the seat's row. To
    lock it would do on DSQL, but not on PostgreSQL, where who waited for a lock goes on in his
    old snapshot.
    """
    seat = _check_seat(stampede.event_id, stampede.seat_id, now)
    Seat.objects.filter(pk=seat.pk).update(changed_at=F("changed_at"))
    others = Stampede.objects.filter(seat=seat, state__in=_ACTIVE).exclude(pk=stampede.pk)
    if others.exists():
        raise CannotStampede(
            "seat",
            f"Another stampede runs at seat {seat.label}. Wait for it, or use another seat. "
            + _name_others(seat),
        )
    Stampede.objects.bulk_create([stampede], ignore_conflicts=True)
    StampedeRegion.objects.bulk_create(shares, ignore_conflicts=True)


@occ_retry(repeatable=True)
def _write_attempts(attempts: list[Attempt]) -> None:
    Attempt.objects.bulk_create(attempts, ignore_conflicts=True)
