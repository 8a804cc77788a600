"""The door: a ticket admits once, whoever scans it, wherever, and however many at once.

**Naive on purpose**, as the purchase is: read the ticket, and if nobody came in with it yet, say
so on its row. Of two gates that do it at one instant, snapshot isolation lets the first one
COMMIT; the other runs again and reads when and where. What cancels, exchanges or reissues the
ticket writes the same row. A partial unique index (`one_admission_a_ticket`) stands behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import QuerySet

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.events import EventNotFound
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.models import (
    Event,
    EventKind,
    EventState,
    OutboxEvent,
    Scan,
    ScanOutcome,
    Ticket,
    TicketState,
)
from sales.outbox import ticket_changed, utc, write
from sales.ticket_codes import TicketCode
from sales.tickets import TicketNotFound
from worldseat.dsql.occ import occ_retry

__all__ = [
    "Verdict",
    "admission_row",
    "admit",
    "event_at_door",
    "events_with_doors",
    "judge",
]

# How long people still come to an event that has begun.
DOORS_STAY_OPEN = timedelta(days=1)


@dataclass(frozen=True)
class Verdict:
    """What the door is told: this scan, and the one that let somebody in, if there is one."""

    scan: Scan
    admission: Scan | None

    @property
    def admits(self) -> bool:
        """Whether to let her in."""
        return self.scan.outcome == ScanOutcome.ADMITTED


def events_with_doors(*, user: Any, now: datetime) -> QuerySet[Event]:
    """Return the events that a user may scan tickets for, the next one first."""
    own = organisations_of(user, role=Role.SCANNER)
    coming = Event.objects.filter(organisation__in=own, starts_at__gt=now - DOORS_STAY_OPEN)
    coming = coming.select_related("venue")
    return coming.exclude(state=EventState.DRAFT).order_by("starts_at", "pk")


def event_at_door(*, event_id: UUID, user: Any) -> Event:
    """Return an event that a user may scan tickets for; raises EventNotFound."""
    own = organisations_of(user, role=Role.SCANNER)
    event = Event.objects.filter(pk=event_id, organisation__in=own).first()
    if event is None:
        raise EventNotFound(f"There is no event {event_id}.")
    return event


@occ_retry(repeatable=True)
def admit(
    *,
    code: TicketCode,
    user: Any,
    scan_id: UUID,
    now: datetime,
    gate: str = "",
    event_id: UUID | None = None,
    keyed: Keyed[Verdict] | None = None,
) -> Verdict | Answer:
    """Let in whoever shows a code, once, and log the try whatever comes of it.

    `event_id` is what happens behind this door, `scan_id` a new id by which an admission knows
    itself again after a COMMIT that got no answer. With `keyed`, the answer is kept in the same
    transaction; when the key was used before, the first answer comes back.

    Raises TicketNotFound, also for a ticket of an organisation in whose box office the user does
    not work; EventNotFound likewise; KeyReused. Nothing is written then.
    """
    if keyed and (answer := stored_answer(keyed.request, now=now)):
        return answer
    ticket = _load(code, user)
    if event_id is not None and event_id != ticket.event_id:
        event_at_door(event_id=event_id, user=user)
    outcome = judge(ticket, code, event_id)
    admission = None
    if outcome == ScanOutcome.ALREADY_ADMITTED:
        admission = Scan.objects.filter(ticket=ticket, outcome=ScanOutcome.ADMITTED).first()
    if admission is not None and admission.pk == scan_id:
        scan = admission  # ours: its COMMIT got no answer
        scan.ticket = ticket
    else:
        scan = _write(ticket, outcome, scan_id=scan_id, gate=gate, user=user, now=now)
    verdict = Verdict(scan, admission)
    if keyed:
        store_answer(keyed.request, keyed.render(verdict), now=now)
    return verdict


def _load(code: TicketCode, user: Any) -> Ticket:
    own = organisations_of(user, role=Role.SCANNER)
    tickets = Ticket.objects.select_related("event", "seat", "order", "fan")
    ticket = tickets.filter(pk=code.ticket_id, event__organisation__in=own).first()
    if ticket is None or not code.is_for(ticket.event_id):
        raise TicketNotFound
    return ticket


def judge(ticket: Ticket, code: TicketCode, event_id: UUID | None) -> ScanOutcome:
    """Tell what a ticket and its event, as they are now, are worth at an event's door.

    `event_id` is what happens behind it; None: the ticket's own event.
    """
    if event_id not in (None, ticket.event_id):
        return ScanOutcome.OTHER_EVENT
    if ticket.event.state == EventState.CANCELLED:
        return ScanOutcome.EVENT_CANCELLED  # whether or not the money has gone back yet
    if ticket.state != TicketState.VALID:
        return ScanOutcome.VOID
    if code.issue != ticket.issue:
        return ScanOutcome.SUPERSEDED
    if ticket.admitted_at is not None:
        return ScanOutcome.ALREADY_ADMITTED
    return ScanOutcome.ADMITTED


def admission_row(ticket: Ticket, *, gate: str, now: datetime) -> OutboxEvent:
    """Return the outbox's row of somebody let in; the ticket's event, order and seat are loaded."""
    more = {"admitted_at": utc(now), "gate": gate}
    return ticket_changed(ticket, EventKind.TICKET_ADMITTED, now=now, **more)


def _write(
    ticket: Ticket, outcome: ScanOutcome, *, scan_id: UUID, gate: str, user: Any, now: datetime
) -> Scan:
    """Log the try, and mark the ticket if it admits.

    The log belongs to the ticket's event, whose organisation's it is, also when it was shown at
    another event's door.
    """
    admits = outcome == ScanOutcome.ADMITTED
    if admits:
        ticket.admitted_at = now
        Ticket.objects.filter(pk=ticket.pk).update(admitted_at=now)
        write(admission_row(ticket, gate=gate, now=now))
    return Scan.objects.create(
        pk=scan_id if admits else uuid4(),
        event_id=ticket.event_id,
        ticket=ticket,
        outcome=outcome,
        gate=gate,
        by=user,
        scanned_at=now,
    )
