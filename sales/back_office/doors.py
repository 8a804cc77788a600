"""How it goes at an event's doors: who is in, which devices scan, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from sales.back_office.access import own_event
from sales.models import Event, Scan, Scanner, ScanOutcome, ScanReport, Ticket, TicketState
from worldseat.dsql.occ import occ_retry

__all__ = ["Conflict", "DoorReport", "door_report"]

# More than anybody reads; the number is told.
_MOST_CONFLICTS = 200


@dataclass(frozen=True)
class Conflict:
    """Somebody whom a scanner let in by itself, and the admission that stood against it, if any."""

    report: ScanReport
    admission: Scan | None


@dataclass(frozen=True)
class DoorReport:
    """People, refusals by their reason, devices, conflicts (the latest ones first)."""

    event: Event
    admitted: int
    expected: int
    refused: Sequence[tuple[str, int]]
    scanners: Sequence[Scanner]
    conflicts: Sequence[Conflict]
    conflict_count: int


@occ_retry(repeatable=True)
def door_report(*, event_id: UUID, user: Any) -> DoorReport:
    """Tell how it goes at an event's doors; raises EventNotFound."""
    event = own_event(event_id=event_id, user=user)
    tickets = Ticket.objects.filter(event_id=event_id, state=TicketState.VALID).aggregate(
        expected=Count("pk"), admitted=Count("pk", filter=Q(admitted_at__isnull=False))
    )
    outcomes = Scan.objects.filter(event_id=event_id).exclude(outcome=ScanOutcome.ADMITTED)
    counted = outcomes.values_list("outcome").annotate(number=Count("pk")).order_by("outcome")
    wrong = ScanReport.objects.filter(scan__event_id=event_id, told=ScanOutcome.ADMITTED)
    wrong = wrong.exclude(scan__outcome=ScanOutcome.ADMITTED)
    latest = wrong.select_related("scanner", "scan__ticket__seat").order_by("-device_time", "pk")
    return DoorReport(
        event=event,
        admitted=tickets["admitted"],
        expected=tickets["expected"],
        refused=[(ScanOutcome(outcome).label, number) for outcome, number in counted],
        scanners=list(Scanner.objects.filter(event_id=event_id).order_by("name", "pk")),
        conflicts=_with_admissions(list(latest[:_MOST_CONFLICTS])),
        conflict_count=wrong.count(),
    )


def _with_admissions(reports: Sequence[ScanReport]) -> list[Conflict]:
    admissions = Scan.objects.select_related("report__scanner").filter(
        ticket__in=[each.scan.ticket_id for each in reports], outcome=ScanOutcome.ADMITTED
    )
    first = {each.ticket_id: each for each in admissions}
    return [Conflict(each, first.get(each.scan.ticket_id)) for each in reports]
