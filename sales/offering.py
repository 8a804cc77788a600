"""Offers to the waitlist: seats that came back are held for who is next in line.

How that works `sales.waitlist` says. Two workers that offer at one instant write the same entry or
the same seats; one of them runs again and finds what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db.models import Q

from sales.codes import CodeRequired
from sales.events import NotOnSale
from sales.holds import place_hold
from sales.limits import LimitReached
from sales.models import (
    EntryState,
    Event,
    Hold,
    HoldState,
    Seat,
    SeatStatus,
    Waitlist,
    WaitlistEntry,
    free_at,
)
from sales.pricing import price_of
from sales.selling import Line
from sales.waitlist import OFFERED_AT_ONCE, in_line, state_of
from worldseat.dsql.occ import occ_retry
from worldseat.mail import send_mail_later, site_url

__all__ = ["offer_returned_seats", "offer_what_came_back"]


def offer_what_came_back(*, now: datetime) -> int:
    """Offer what came back to the events that have a waitlist; return how many offers that were."""
    ids = Event.objects.filter(has_waitlist=True, off_sale_at__gt=now).values_list("pk", flat=True)
    return sum(offer_returned_seats(event_id=event_id, now=now) for event_id in ids)


def offer_returned_seats(*, event_id: UUID, now: datetime) -> int:
    """Offer an event's returned seats to the next in line, and return how many offers it made.

    What nobody waits for is everybody's at once.
    """
    for made in range(OFFERED_AT_ONCE):
        try:
            if not _offer_one(event_id=event_id, now=now):
                return made
        except _CannotHave as refused:
            _pass_over(entry_id=refused.entry_id, now=now)
        except (NotOnSale, CodeRequired):
            return made
    return OFFERED_AT_ONCE


class _CannotHave(Exception):
    """The next in line has as many seats as she may have."""

    def __init__(self, entry_id: UUID) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id


@occ_retry(repeatable=True)
def _offer_one(*, event_id: UUID, now: datetime) -> bool:
    waitlist = Waitlist.objects.select_related("event__venue").filter(event_id=event_id).first()
    if waitlist is None:
        return False
    _note_ended(event_id, now)
    seats = _returned(event_id, now)
    if not seats:
        return False
    line = in_line(waitlist) if waitlist.event.has_waitlist else []
    for entry in line:
        if chosen := _chosen(seats, entry):
            _offer(waitlist, entry, chosen, now)
            return True
    _give_to_all(seats, now)
    return False


def _note_ended(event_id: UUID, now: datetime) -> None:
    """Write down which offers have been taken or missed."""
    offered = WaitlistEntry.objects.select_related("hold").filter(
        event_id=event_id, state=EntryState.OFFERED
    )
    for entry in offered:
        state = state_of(entry, now)
        if state != EntryState.OFFERED:
            entry.state = state
            entry.missed += state == EntryState.MISSED
            entry.save(update_fields=["state", "missed"])


def _returned(event_id: UUID, now: datetime) -> list[Seat]:
    """Return the seats that are free, and those that are kept for the waitlist."""
    kept = Q(status=SeatStatus.HELD, held_until__gt=now) & (
        Q(hold__isnull=True)
        | Q(hold__state=HoldState.EXPIRED)
        | Q(hold__state=HoldState.ACTIVE, hold__expires_at__lte=now)
    )
    seats = Seat.objects.select_related("event", "category", "hold").filter(event_id=event_id)
    found = seats.filter(free_at(now) | kept, accessible=False, category__code_required=False)
    return list(found.in_order()[:1000])


def _chosen(seats: Sequence[Seat], entry: WaitlistEntry) -> list[Seat]:
    """Return as many seats as an entry wants: side by side in a row if it can be; or none."""
    fitting = [each for each in seats if entry.category_id in (None, each.category_id)]
    if len(fitting) < entry.quantity:
        return []
    for _, group in groupby(fitting, key=lambda seat: (seat.section, seat.row)):
        row = list(group)
        for at in range(len(row) - entry.quantity + 1):
            block = row[at : at + entry.quantity]
            if block[-1].position - block[0].position == entry.quantity - 1:
                return block
    return fitting[: entry.quantity]


def _offer(waitlist: Waitlist, entry: WaitlistEntry, seats: list[Seat], now: datetime) -> None:
    """Hold the seats for the entry's fan, and tell her."""
    event = waitlist.event
    for seat in seats:
        # Kept for the waitlist, they are free for the one whom it is offering them.
        seat.status, seat.hold, seat.held_until = SeatStatus.AVAILABLE, None, None
    lines = [Line(seat, price_of(event, seat.category)) for seat in seats]
    window = timedelta(seconds=waitlist.window_seconds)
    try:
        hold = place_hold(
            event,
            lines,
            fan_id=entry.fan_id,
            region=entry.region,
            code_text="",
            now=now,
            lasting=min(window, event.off_sale_at - now),
        )
    except LimitReached:
        raise _CannotHave(entry.pk) from None
    entry.state, entry.hold, entry.offered_at = EntryState.OFFERED, hold, now
    entry.save(update_fields=["state", "hold", "offered_at"])
    _tell(entry, hold, seats)


def _tell(entry: WaitlistEntry, hold: Hold, seats: Sequence[Seat]) -> None:
    event = entry.event
    context = {
        "event": event.name,
        "starts": f"{event.starts_at:%d %B %Y, %H:%M} UTC",
        "venue": event.venue.name,
        "seats": [f"{seat.section}, row {seat.row}, seat {seat.number}" for seat in seats],
        "until": f"{hold.expires_at:%d %B %Y, %H:%M} UTC",
        "url": f"{site_url()}/waitlist/",
    }
    send_mail_later(template="waitlist_offer", to=entry.fan.email, context=context)


@occ_retry(repeatable=True)
def _pass_over(*, entry_id: UUID, now: datetime) -> None:
    """Take an entry off the line whose fan may not have more seats."""
    entry = WaitlistEntry.objects.get(pk=entry_id)
    if entry.state == EntryState.WAITING:
        entry.state = EntryState.MISSED
        entry.save(update_fields=["state"])


def _give_to_all(seats: Sequence[Seat], now: datetime) -> None:
    """Let everybody have the seats that were kept and that nobody waits for."""
    kept = [seat.pk for seat in seats if seat.status == SeatStatus.HELD]
    Seat.objects.filter(pk__in=kept).update(
        status=SeatStatus.AVAILABLE, hold=None, held_until=None, changed_at=now
    )
