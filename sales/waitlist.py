"""The waitlist: a seat that comes back goes to the next in line, and to nobody before her.

A returned seat is kept for the waitlist for a moment (`selling.KEPT_FOR_WAITLIST`): it is held by
nobody until then, and everybody's afterwards, so that no seat is lost when no task runs. An offer
is a hold in the next fan's name, at the prices of now, which lasts for the list's window: she pays
it as any other. What ends it, time or she herself, returns the seats, and the next one is offered
them. Who wants more seats than came back keeps her place, and the next whom they suffice gets them.

Two workers that offer at one instant write the same entry or the same seats; one of them runs
again and finds what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.audit import changed, record
from sales.codes import CodeRequired
from sales.events import EventNotFound, NotOnSale
from sales.holds import place_hold
from sales.limits import LimitReached
from sales.models import (
    EntryState,
    Event,
    Hold,
    HoldState,
    PriceCategory,
    Seat,
    SeatStatus,
    Waitlist,
    WaitlistEntry,
    WaitlistOrder,
    free_at,
)
from sales.occupancy import occupancy_of
from sales.pricing import price_of
from sales.selling import Line
from sales.waiting_room.draw import draw_of
from worldseat.dsql.occ import occ_retry
from worldseat.mail import send_mail_later, site_url

__all__ = [
    "EntryNotFound",
    "WaitlistClosed",
    "WaitlistCounts",
    "WaitlistRules",
    "enlist",
    "entries_of",
    "find_entry",
    "find_waitlist",
    "leave",
    "offer_returned_seats",
    "offer_what_came_back",
    "own_entries",
    "set_waitlist",
    "waitlist_counts",
]

# Offers that one run makes of one event; the next run goes on.
OFFERED_AT_ONCE = 200
_OPEN = (EntryState.WAITING, EntryState.OFFERED)


class WaitlistClosed(Exception):
    """The event has no waitlist, or seats are left that can be had without it."""


class EntryNotFound(LookupError):
    """The fan is not on the waitlist."""


@dataclass(frozen=True)
class WaitlistRules:
    """What an organiser decides about a waitlist."""

    is_on: bool
    order: str = WaitlistOrder.FIRST_COME.value
    window_seconds: int = 3600


@dataclass(frozen=True)
class WaitlistCounts:
    """How many entries are in each state, and how many seats the waiting ones want."""

    waiting: int
    offered: int
    bought: int
    missed: int
    seats_wanted: int


@occ_retry(repeatable=True)
def set_waitlist(
    *, event_id: UUID, rules: WaitlistRules, now: datetime, actor: Any = None
) -> Waitlist:
    """Make or change an event's waitlist; entries and offers stay as they are.

    Raises ValidationError, and Event.DoesNotExist.
    """
    event = Event.objects.get(pk=event_id)
    found = Waitlist.objects.filter(event=event).first()
    waitlist = found or Waitlist(event=event)
    before = {
        "is_on": event.has_waitlist,
        "order": waitlist.order,
        "window_seconds": waitlist.window_seconds,
    }
    waitlist.order, waitlist.window_seconds = rules.order, rules.window_seconds
    waitlist.full_clean(exclude=["event"])
    waitlist.save()
    if event.has_waitlist != rules.is_on:
        event.has_waitlist = rules.is_on
        event.save(update_fields=["has_waitlist"])
    record(
        organisation_id=event.organisation_id,
        actor=actor,
        action="waitlist.set",
        subject=event,
        changes=changed(before if found else {}, asdict(rules)),
        now=now,
    )
    return waitlist


def find_waitlist(*, event_id: UUID) -> Waitlist | None:
    """Return an event's waitlist, on or off; None if it never had one."""
    return Waitlist.objects.filter(event_id=event_id).first()


# --- Fans ----------------------------------------------------------------------------------


def enlist(
    *,
    event_id: UUID,
    fan_id: UUID,
    quantity: int,
    now: datetime,
    category_id: UUID | None = None,
    region: str = settings.REGION,
) -> WaitlistEntry:
    """Put a fan on the waitlist, once: who waits already keeps her place, whatever she wants now.

    Raises EventNotFound, WaitlistClosed, and LimitReached for more seats than the event allows.
    """
    if _left(event_id, category_id, now) >= quantity:
        raise WaitlistClosed("There are seats left. Buy them without waiting.")
    return _enlist(
        event_id=event_id,
        fan_id=fan_id,
        quantity=quantity,
        category_id=category_id,
        region=region,
        now=now,
    )


def _left(event_id: UUID, category_id: UUID | None, now: datetime) -> int:
    """Count the seats that anybody can have, as of a second ago."""
    found = occupancy_of(event_id=event_id, now=now)
    if not found.is_public:
        raise EventNotFound(f"There is no event {event_id}.")
    counts = found.counts()
    if category_id:
        return counts.get(str(category_id), {}).get("available", 0)
    public = [category for category, needs_code in found.categories if not needs_code]
    return sum(counts.get(category, {}).get("available", 0) for category in public)


@occ_retry(repeatable=True)
def _enlist(
    *,
    event_id: UUID,
    fan_id: UUID,
    quantity: int,
    category_id: UUID | None,
    region: str,
    now: datetime,
) -> WaitlistEntry:
    event = Event.objects.public().select_related("waitlist").filter(pk=event_id).first()
    if event is None:
        raise EventNotFound(f"There is no event {event_id}.")
    if not event.has_waitlist or now >= event.off_sale_at:
        raise WaitlistClosed("The event has no waitlist now.")
    category = _category(event, category_id)
    if quantity > event.limit_per_fan:
        raise LimitReached(event.limit_per_fan)
    own = uuid5(event.pk, f"waitlist:{fan_id}")
    entry = WaitlistEntry.objects.select_related("hold").filter(pk=own).first()
    if entry is None:
        entry = WaitlistEntry(id=own, event=event, fan_id=fan_id)
        entry.draw = draw_of(seed=event.waitlist.seed, place_id=own)
    state = _state(entry, now)
    if entry._state.adding or state not in _OPEN:
        entry.state, entry.joined_at, entry.hold = EntryState.WAITING, now, None
    elif state == EntryState.OFFERED:
        return entry
    entry.quantity, entry.category, entry.region = quantity, category, region
    entry.save()
    return entry


def _category(event: Event, category_id: UUID | None) -> PriceCategory | None:
    if category_id is None:
        return None
    found = PriceCategory.objects.filter(event=event, pk=category_id, code_required=False).first()
    if found is None:
        raise WaitlistClosed("The event has no such category that everybody may buy.")
    return found


@occ_retry(repeatable=True)
def find_entry(*, event_id: UUID, fan_id: UUID, now: datetime) -> WaitlistEntry:
    """Return a fan's entry, in the state it is in now; raises EntryNotFound."""
    entry = _entries().filter(event_id=event_id, fan_id=fan_id).first()
    if entry is None:
        raise EntryNotFound
    return _told(entry, now)


@occ_retry(repeatable=True)
def own_entries(*, fan_id: UUID, now: datetime) -> list[WaitlistEntry]:
    """Return a fan's entries, the newest first, in the states they are in now."""
    own = _entries().filter(fan_id=fan_id).order_by("-joined_at")
    return [_told(entry, now) for entry in own[:100]]


@occ_retry(repeatable=True)
def leave(*, event_id: UUID, fan_id: UUID, now: datetime) -> None:
    """Take a fan off the list; an offer that she has stays hers. Raises EntryNotFound."""
    entry = _entries().filter(event_id=event_id, fan_id=fan_id).first()
    if entry is None:
        raise EntryNotFound
    if _state(entry, now) == EntryState.WAITING:
        entry.state = EntryState.LEFT
        entry.save(update_fields=["state"])


def _entries() -> QuerySet[WaitlistEntry]:
    return WaitlistEntry.objects.select_related("hold", "category", "event__venue", "fan")


def _told(entry: WaitlistEntry, now: datetime) -> WaitlistEntry:
    entry.state = _state(entry, now)
    return entry


def _state(entry: WaitlistEntry, now: datetime) -> EntryState:
    """Return the state an entry is in now: an offer ends without anybody writing it."""
    if entry.state != EntryState.OFFERED:
        return EntryState(entry.state)
    hold = entry.hold
    if hold is None or hold.state in {HoldState.RELEASED, HoldState.EXPIRED}:
        return EntryState.MISSED
    if hold.state == HoldState.SOLD:
        return EntryState.BOUGHT
    over = hold.state == HoldState.ACTIVE and hold.expires_at <= now
    return EntryState.MISSED if over else EntryState.OFFERED


# --- Organisers ----------------------------------------------------------------------------


@occ_retry(repeatable=True)
def entries_of(*, event_id: UUID, now: datetime, limit: int = 500) -> list[WaitlistEntry]:
    """Return an event's waitlist: offers first, then who waits, in the order of the line."""
    waitlist = find_waitlist(event_id=event_id)
    if waitlist is None:
        return []
    open_ = _entries().filter(event_id=event_id, state__in=_OPEN)
    offered = [_told(each, now) for each in open_.filter(state=EntryState.OFFERED)[:limit]]
    return [*offered, *_in_line(waitlist)[:limit]]


@occ_retry(repeatable=True)
def waitlist_counts(*, event_id: UUID, now: datetime) -> WaitlistCounts:
    """Count an event's entries by the states they are in now."""
    counts = dict.fromkeys(EntryState, 0)
    seats = 0
    found = WaitlistEntry.objects.select_related("hold").filter(event_id=event_id)
    for entry in found.iterator(chunk_size=2000):
        state = _state(entry, now)
        counts[state] += 1
        seats += entry.quantity if state == EntryState.WAITING else 0
    return WaitlistCounts(
        waiting=counts[EntryState.WAITING],
        offered=counts[EntryState.OFFERED],
        bought=counts[EntryState.BOUGHT],
        missed=counts[EntryState.MISSED],
        seats_wanted=seats,
    )


# --- Offers --------------------------------------------------------------------------------


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
    line = _in_line(waitlist) if waitlist.event.has_waitlist else []
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
        state = _state(entry, now)
        if state != EntryState.OFFERED:
            entry.state = state
            entry.missed += state == EntryState.MISSED
            entry.save(update_fields=["state", "missed"])


def _in_line(waitlist: Waitlist) -> list[WaitlistEntry]:
    by_lot = waitlist.order == WaitlistOrder.LOTTERY
    order = ("missed", "draw", "pk") if by_lot else ("joined_at", "pk")
    waiting = _entries().filter(event_id=waitlist.event_id, state=EntryState.WAITING)
    return list(waiting.order_by(*order)[:OFFERED_AT_ONCE])


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
