"""The waitlist: a seat that comes back goes to the next in line, and to nobody before her.

Here fans join and leave it, and organisers set its rules; `sales.offering` offers the seats. A
returned seat is kept for the waitlist for a moment (`selling.KEPT_FOR_WAITLIST`): it is held by
nobody until then, and everybody's afterwards, so that no seat is lost when no task runs. An offer
is a hold in the next fan's name, at the prices of now, which lasts for the list's window: she pays
it as any other. What ends it, time or she herself, returns the seats, and the next one is offered
them. Who wants more seats than came back keeps her place, and the next whom they suffice gets them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.audit import changed, record
from sales.events import EventNotFound
from sales.limits import LimitReached
from sales.models import (
    EntryState,
    Event,
    HoldState,
    PriceCategory,
    Waitlist,
    WaitlistEntry,
    WaitlistOrder,
)
from sales.models.waiting_rooms import new_seed
from sales.occupancy import occupancy_of
from sales.waiting_room.draw import draw_of
from worldseat.dsql.occ import occ_retry

__all__ = [
    "OFFERED_AT_ONCE",
    "DrawShown",
    "EntryNotFound",
    "WaitlistClosed",
    "WaitlistCounts",
    "WaitlistRules",
    "draw_shown",
    "enlist",
    "entries",
    "entries_of",
    "find_entry",
    "find_waitlist",
    "in_line",
    "leave",
    "own_entries",
    "set_waitlist",
    "state_of",
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
class DrawShown:
    """How a fan can check a draw: `seed` and `value`, her draw, are None until the sale is over."""

    by_lot: bool
    commitment: str
    seed: str | None
    value: float | None


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

    Who waits was told the order, so it stays while the list is open and somebody waits. A draw
    begins with a key of its own. Raises ValidationError, and Event.DoesNotExist.
    """
    event = Event.objects.get(pk=event_id)
    found = Waitlist.objects.filter(event=event).first()
    waitlist = found or Waitlist(event=event)
    before = {
        "is_on": event.has_waitlist,
        "order": waitlist.order,
        "window_seconds": waitlist.window_seconds,
    }
    if found and rules.order != found.order:
        _check_nobody_waits(event, to=rules.order, now=now)
        waitlist.seed = new_seed()
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


def _check_nobody_waits(event: Event, *, to: str, now: datetime) -> None:
    waiting = event.waitlist_entries.filter(state=EntryState.WAITING).count()
    # Once the sale has ended nobody is drawn any more; but none who came first is drawn either.
    if waiting and (now < event.off_sale_at or to == WaitlistOrder.LOTTERY):
        who = "A fan waits" if waiting == 1 else f"{waiting} fans wait"
        told = f"{who} in the order that was told: it stays until nobody waits, or the sale ends."
        raise ValidationError({"order": told})


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
    if not event.has_waitlist or event.is_ended or now >= event.off_sale_at:
        raise WaitlistClosed("The event has no waitlist now.")
    category = _category(event, category_id)
    if quantity > event.limit_per_fan:
        raise LimitReached(event.limit_per_fan)
    own = uuid5(event.pk, f"waitlist:{fan_id}")
    entry = WaitlistEntry.objects.select_related("hold").filter(pk=own).first()
    if entry is None:
        entry = WaitlistEntry(id=own, event=event, fan_id=fan_id)
    entry.event = event
    state = state_of(entry, now)
    if entry._state.adding or state not in _OPEN:
        entry.state, entry.joined_at, entry.hold = EntryState.WAITING, now, None
        entry.draw = draw_of(seed=event.waitlist.seed, place_id=own)
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
    entry = entries().filter(event_id=event_id, fan_id=fan_id).first()
    if entry is None:
        raise EntryNotFound
    return _told(entry, now)


@occ_retry(repeatable=True)
def own_entries(*, fan_id: UUID, now: datetime) -> list[WaitlistEntry]:
    """Return a fan's entries, the newest first, in the states they are in now."""
    own = entries().filter(fan_id=fan_id).order_by("-joined_at")
    return [_told(entry, now) for entry in own[:100]]


@occ_retry(repeatable=True)
def leave(*, event_id: UUID, fan_id: UUID, now: datetime) -> None:
    """Take a fan off the list; an offer that she has stays hers. Raises EntryNotFound."""
    entry = entries().filter(event_id=event_id, fan_id=fan_id).first()
    if entry is None:
        raise EntryNotFound
    if state_of(entry, now) == EntryState.WAITING:
        entry.state = EntryState.LEFT
        entry.save(update_fields=["state"])


def draw_shown(entry: WaitlistEntry, *, now: datetime) -> DrawShown:
    """Return what may be told of an entry's draw; asks nothing where `entries` loaded it.

    Who knew the seed while the list is open could look for an account that the draw favours.
    """
    waitlist, over = entry.event.waitlist, now >= entry.event.off_sale_at
    return DrawShown(
        by_lot=waitlist.order == WaitlistOrder.LOTTERY,
        commitment=waitlist.commitment,
        seed=waitlist.seed if over else None,
        value=draw_of(seed=waitlist.seed, place_id=entry.pk) if over else None,
    )


def entries() -> QuerySet[WaitlistEntry]:
    """Return entries with what is told of them."""
    return WaitlistEntry.objects.select_related(
        "hold", "category", "event__venue", "event__waitlist", "fan"
    )


def _told(entry: WaitlistEntry, now: datetime) -> WaitlistEntry:
    entry.state = state_of(entry, now)
    return entry


def state_of(entry: WaitlistEntry, now: datetime) -> EntryState:
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
    open_ = entries().filter(event_id=event_id, state__in=_OPEN)
    offered = [_told(each, now) for each in open_.filter(state=EntryState.OFFERED)[:limit]]
    return [*offered, *in_line(waitlist)[:limit]]


@occ_retry(repeatable=True)
def waitlist_counts(*, event_id: UUID, now: datetime) -> WaitlistCounts:
    """Count an event's entries by the states they are in now."""
    counts = dict.fromkeys(EntryState, 0)
    seats = 0
    found = WaitlistEntry.objects.select_related("hold").filter(event_id=event_id)
    for entry in found.iterator(chunk_size=2000):
        state = state_of(entry, now)
        counts[state] += 1
        seats += entry.quantity if state == EntryState.WAITING else 0
    return WaitlistCounts(
        waiting=counts[EntryState.WAITING],
        offered=counts[EntryState.OFFERED],
        bought=counts[EntryState.BOUGHT],
        missed=counts[EntryState.MISSED],
        seats_wanted=seats,
    )


def in_line(waitlist: Waitlist) -> list[WaitlistEntry]:
    """Return who waits, the next first, as many as one run may offer seats to."""
    by_lot = waitlist.order == WaitlistOrder.LOTTERY
    order = ("missed", "draw", "pk") if by_lot else ("joined_at", "pk")
    waiting = entries().filter(event_id=waitlist.event_id, state=EntryState.WAITING)
    return list(waiting.order_by(*order)[:OFFERED_AT_ONCE])
