"""How far a stampede is, from the database, while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Greatest

from sales.models import Attempt, Outcome, StampedeRegion

__all__ = ["Progress", "progress_of", "waiting_for"]


@dataclass(frozen=True)
class Progress:
    """Counts so far; `done` were told something, of `buyers`."""

    buyers: int
    done: int
    confirmed: int
    rejected: int
    failed: int
    retries: int
    conflicts: int


def progress_of(stampede_id: UUID) -> Progress:
    """Count the attempts that are recorded by now; a region writes a few times a second."""
    attempts = Attempt.objects.filter(stampede_id=stampede_id)
    counts = attempts.aggregate(
        buyers=Count("pk"),
        done=Count("pk", filter=~Q(outcome=Outcome.PENDING)),
        confirmed=Count("pk", filter=Q(outcome=Outcome.CONFIRMED)),
        rejected=Count("pk", filter=Q(outcome=Outcome.REJECTED)),
        failed=Count("pk", filter=Q(outcome__in=[Outcome.ERROR, Outcome.UNKNOWN])),
        retries=Sum(Greatest(F("attempts") - Greatest(F("choices"), 1), 0), default=0),
        conflicts=Sum("conflicts", default=0),
    )
    return Progress(**counts)


def waiting_for(stampede_id: UUID) -> str:
    """Say which regions are getting ready for the start; "" once the instant is agreed."""
    shares = StampedeRegion.objects.filter(stampede_id=stampede_id, ready_at=None)
    late = shares.filter(stampede__starts_at=None).order_by("region")
    names = " and ".join(late.values_list("region", flat=True))
    return f"{names} getting ready" if names else ""
