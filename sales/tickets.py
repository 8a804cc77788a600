"""Tickets: who may see one, its code, a new printing of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest

from accounts import audit
from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.events import EventNotFound
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.models import Event, EventKind, EventState, Ticket, TicketState
from sales.outbox import ticket_changed, write
from sales.ticket_codes import sign_code
from worldseat.dsql.occ import occ_retry

__all__ = [
    "LAST_ISSUE",
    "ReissueLimit",
    "TicketNotFound",
    "TicketUsed",
    "TicketVoid",
    "code_of",
    "refused_tickets",
    "reissue",
    "reissue_once",
    "visible_ticket",
]

# A code has 16 bits for it, and nobody loses a ticket so often.
LAST_ISSUE = 100


class TicketNotFound(LookupError):
    """There is no such ticket, or none that you may see."""


class TicketVoid(Exception):
    """The ticket is void: it was cancelled or exchanged."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(self.__doc__)
        self.voided_at = ticket.voided_at


class TicketUsed(Exception):
    """The ticket was used to get in already."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(self.__doc__)
        self.admitted_at = ticket.admitted_at


class ReissueLimit(Exception):
    """The ticket was reissued too often."""


def visible_ticket(*, ticket_id: UUID, user: Any) -> Ticket:
    """Return a ticket with all that is printed on it: the fan's own, or one of the box office.

    Raises TicketNotFound.
    """
    staff = Q(event__organisation__in=organisations_of(user, role=Role.BOX_OFFICE))
    tickets = Ticket.objects.select_related("event__venue", "seat", "order", "fan")
    ticket = tickets.filter(Q(fan_id=user.pk) | staff, pk=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    return ticket


def code_of(ticket: Ticket) -> str:
    """Return the code that admits; raises TicketVoid."""
    if ticket.state != TicketState.VALID:
        raise TicketVoid(ticket)
    return sign_code(ticket_id=ticket.pk, event_id=ticket.event_id, issue=ticket.issue)


def reissue(*, ticket_id: UUID, user: Any, now: datetime) -> Ticket:
    """Give a ticket a new code, which voids the old one, and return it.

    Whoever may see the ticket may do it. Repeated after a lost COMMIT, it may void a code that
    nobody has seen; the one that is returned admits.

    Raises TicketNotFound, TicketVoid, TicketUsed, ReissueLimit; nothing is written.
    """
    done = _reissue(ticket_id=ticket_id, user=user, now=now, keyed=None)
    assert isinstance(done, Ticket)  # noqa: S101 - no key, no stored answer
    return done


def reissue_once(
    *, ticket_id: UUID, user: Any, now: datetime, keyed: Keyed[Ticket]
) -> Ticket | Answer:
    """Reissue a ticket as `reissue` does, once for a request's key; raises KeyReused too."""
    return _reissue(ticket_id=ticket_id, user=user, now=now, keyed=keyed)


@occ_retry(repeatable=True)
def _reissue(
    *, ticket_id: UUID, user: Any, now: datetime, keyed: Keyed[Ticket] | None
) -> Ticket | Answer:
    if keyed and (answer := stored_answer(keyed.request, now=now)):
        return answer
    ticket = visible_ticket(ticket_id=ticket_id, user=user)
    if ticket.state != TicketState.VALID:
        raise TicketVoid(ticket)
    if ticket.admitted_at is not None:
        raise TicketUsed(ticket)
    if ticket.issue >= LAST_ISSUE:
        raise ReissueLimit(f"The ticket was reissued {LAST_ISSUE - 1} times already.")
    ticket.issue += 1
    ticket.reissued_at = now
    ticket.save(update_fields=["issue", "reissued_at"])
    write(ticket_changed(ticket, EventKind.TICKET_REISSUED, now=now))
    if ticket.fan_id != user.pk:
        audit.record(
            organisation_id=ticket.event.organisation_id,
            actor=user,
            action="ticket.reissued",
            subject=ticket.order,
            changes={"seat": [str(ticket.seat)] * 2, "issue": [ticket.issue - 1, ticket.issue]},
            now=now,
        )
    if keyed:
        store_answer(keyed.request, keyed.render(ticket), now=now)
    return ticket


def refused_tickets(
    *, event_id: UUID, user: Any, since: datetime | None = None
) -> QuerySet[Ticket]:
    """Return the tickets of an event some of whose codes admit no more: void ones, reissued ones.

    Each has `refused_at`, when the last of its codes became useless; `since` leaves out those of
    before. `refused_state` is VOID where none admits. Of a cancelled event: all tickets. Raises
    EventNotFound, also for who may not scan at the event.
    """
    own = organisations_of(user, role=Role.SCANNER)
    event = Event.objects.filter(pk=event_id, organisation__in=own).first()
    if event is None:
        raise EventNotFound(f"There is no event {event_id}.")
    # Greatest takes no account of a NULL beside a time.
    when = Coalesce(Greatest("voided_at", "reissued_at"), F("created_at"))
    tickets = Ticket.objects.filter(event_id=event_id).annotate(refused_at=when)
    if event.state == EventState.CANCELLED:
        return tickets.annotate(refused_state=Value(TicketState.VOID.value))
    refused = tickets.filter(Q(state=TicketState.VOID) | Q(issue__gt=1))
    refused = refused.annotate(refused_state=F("state"))
    return refused if since is None else refused.filter(refused_at__gte=since)
