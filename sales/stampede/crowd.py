"""The simulated fans: one pool, shared by all stampedes."""

from __future__ import annotations

from itertools import count, islice
from uuid import UUID

from django.contrib.auth.hashers import make_password

from accounts.models import User
from sales.models import Allowance, Event
from sales.stampede.room import places_at
from worldseat.dsql.occ import occ_retry

__all__ = ["BATCH_ROWS", "gather_fans"]

# DSQL takes 3,000 changed rows in a transaction.
BATCH_ROWS = 1000

# RFC 2606 keeps .invalid free of real addresses.
_DOMAIN = "stampede.invalid"


def gather_fans(*, event: Event, number: int, waits: bool = False) -> list[UUID]:
    """Return the ids of `number` simulated fans who may still buy at the event.

    Makes as many as are missing. They have no usable password. A fan who has reached the
    event's limit of tickets stays away: she would be refused for that and not for the seat. If
    she `waits`, so does who has a place in the event's waiting room: she has had her turn.
    """
    while len(found := _find(event, number, waits)) < number:
        _make(min(number - len(found), BATCH_ROWS))
    return found


def _find(event: Event, number: int, waits: bool) -> list[UUID]:
    full = Allowance.objects.filter(event=event, used__gte=event.limit_per_fan)
    fans = User.objects.filter(is_simulated=True, is_active=True)
    fans = fans.exclude(pk__in=full.values("fan_id"))
    if waits:
        fans = fans.exclude(pk__in=places_at(event.pk).values("fan_id"))
    return list(fans.order_by("email").values_list("pk", flat=True)[:number])


@occ_retry(repeatable=True)
def _make(number: int) -> None:
    """Add fans under the next free addresses; another stampede may add the same ones."""
    addresses = User.objects.filter(email__endswith=f"@{_DOMAIN}")
    taken = set(addresses.values_list("email", flat=True))
    every = (f"buyer-{each:04}@{_DOMAIN}" for each in count(1))
    free = islice((email for email in every if email not in taken), number)
    User.objects.bulk_create(
        [
            User(
                email=email,
                name=email.partition("@")[0].replace("-", " ").capitalize(),
                password=make_password(None),
                is_simulated=True,
            )
            for email in free
        ],
        ignore_conflicts=True,
    )
