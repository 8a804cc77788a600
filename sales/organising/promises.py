"""What was promised to the fans of a draw, and holds whatever an organiser changes later.

The key of a draw is secret until nothing can be gained by it (sales.organising.queues): a waiting
room's until the sale starts, a waitlist's until it ends. Whoever knows the key can look for an
account that the draw favours. So a time that has told a key never moves to where the draw would
be open again, and the start of a sale never moves in front of those who have joined its draw.
Where nobody has joined yet, the key is made anew instead.
"""

from __future__ import annotations

from datetime import datetime

from sales.models import Event, QueuePlace, WaitingRoom, Waitlist, WaitlistOrder
from sales.models.waiting_rooms import new_seed

__all__ = ["broken_promises", "renew_seeds"]


def broken_promises(before: Event, after: Event, *, now: datetime) -> dict[str, list[str]]:
    """Return what an event's new times would break, by field; nothing where they may be so."""
    refused = {
        "on_sale_at": _against_the_room(before, after, now),
        "off_sale_at": _against_the_waitlist(before, after, now),
    }
    return {name: [reason] for name, reason in refused.items() if reason}


def _against_the_room(before: Event, after: Event, now: datetime) -> str:
    if not _moves_start(before, after) or not _joined(before):
        return ""
    if before.on_sale_at <= now:
        return (
            "Fans were drawn in the waiting room when the sale started, and the draw's key is "
            "public since: the start stays. Pause the sale, or the room, instead."
        )
    if after.on_sale_at <= now:
        return (
            "Fans wait for the draw at the start of the sale: it can start a minute from now at "
            "the earliest, or those who have just joined would miss it."
        )
    return ""


def _moves_start(before: Event, after: Event) -> bool:
    """Tell whether the start changes; the admin's form knows nothing shorter than a second."""
    old, new = (each.on_sale_at.replace(microsecond=0) for each in (before, after))
    return old != new


def _joined(event: Event) -> bool:
    return QueuePlace.objects.filter(room__event_id=event.pk).exists()


def _against_the_waitlist(before: Event, after: Event, now: datetime) -> str:
    by_lot = Waitlist.objects.filter(event_id=before.pk, order=WaitlistOrder.LOTTERY)
    if (
        _reopens(before, after, now)
        and by_lot.filter(event__waitlist_entries__isnull=False).exists()
    ):
        return (
            "The key of the waitlist's draw is public since the sale has ended: who joined now "
            "could choose an account that it favours. Change the waitlist to go in the order of "
            "enlisting first, then the sale can go on."
        )
    return ""


def _reopens(before: Event, after: Event, now: datetime) -> bool:
    return before.off_sale_at <= now < after.off_sale_at


def renew_seeds(before: Event, after: Event, *, now: datetime) -> None:
    """Forget keys that the old times have told, where no draw went by them; times are allowed."""
    if before.on_sale_at <= now and _moves_start(before, after):
        WaitingRoom.objects.filter(event_id=after.pk).update(seed=new_seed())
    if _reopens(before, after, now):
        Waitlist.objects.filter(event_id=after.pk).update(seed=new_seed())
