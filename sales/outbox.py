"""The outbox: what happened, written in the transaction in which it happened.

Whoever sells, refunds, exchanges, reissues, admits or changes an event writes one row with it:
both commit, or neither. `sales.draining` makes deliveries and mails of it afterwards. The row is
what must not be lost; the word to Celery (`wake`) may be, since `celery beat` looks for itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from sales.models import Event, EventKind, EventState, Order, OutboxEvent, Ticket

__all__ = [
    "event_changed",
    "order_changed",
    "order_paid",
    "outbox_row",
    "tell",
    "tell_event",
    "ticket_changed",
    "utc",
    "wake",
    "wake_delivery",
    "wake_mail",
    "write",
]

# A process sends one word a second however much it sells; after a broker that did not answer, none
# for a while.
_WORD_SECONDS = 1.0
_SILENT_SECONDS = 10.0
_next_word = 0.0

_STATES = {
    EventState.PUBLISHED: EventKind.EVENT_PUBLISHED,
    EventState.PAUSED: EventKind.EVENT_PAUSED,
    EventState.CLOSED: EventKind.EVENT_CLOSED,
}

_log = logging.getLogger(__name__)


def outbox_row(
    *,
    kind: EventKind,
    organisation_id: UUID,
    subject_id: UUID,
    payload: Mapping[str, Any],
    now: datetime,
    is_first: bool = False,
) -> OutboxEvent:
    """Return a row that is not written yet; `write` does, or the caller in a statement of its own.

    Call it in the transaction of what happened. `payload` is JSON. `is_first`: nothing can have
    happened to this subject before, so nobody need look.
    """
    sequence = int(now.timestamp() * 1_000_000)
    if not is_first:
        seen = OutboxEvent.objects.filter(subject_id=subject_id).aggregate(last=Max("sequence"))
        sequence = max(sequence, (seen["last"] or 0) + 1)
    return OutboxEvent(
        organisation_id=organisation_id,
        kind=kind,
        subject_id=subject_id,
        sequence=sequence,
        payload=dict(payload),
        created_at=now,
    )


def write(row: OutboxEvent) -> None:
    """Write a row: one INSERT. Once it has committed, a worker is told to look."""
    row.save(force_insert=True)
    transaction.on_commit(wake)


def wake() -> None:
    """Tell a worker to drain the outbox in a second, unless it was told within this one.

    A broker that is out of reach fails nothing: `celery beat` sweeps what nobody was told of.
    """
    global _next_word  # a race sends a word too many
    now = time.monotonic()
    if now < _next_word:
        return
    _next_word = now + _WORD_SECONDS
    if not tell("sales.drain_outbox", countdown=_WORD_SECONDS):
        _next_word = time.monotonic() + _SILENT_SECONDS


def wake_delivery() -> None:
    """Tell a worker that a delivery is due now; beat looks for itself if that fails."""
    tell("sales.deliver_webhooks")


def wake_mail() -> None:
    """Tell a worker that a mail is due now; beat looks for itself if that fails."""
    tell("sales.send_mails")


def tell(task: str, *arguments: str, countdown: float = 0) -> bool:
    """Tell a worker of something that beat finds by itself; return whether the broker took it.

    For after a COMMIT: whatever goes wrong with the broker or its client is logged and raises
    nothing, since the sale stands, and its answer must say so.
    """
    try:
        from worldseat.celery import app  # only here: Celery is large, and few processes tell

        app.send_task(task, args=arguments, countdown=countdown, expires=60, retry=False)
    except Exception as error:
        _log.warning("No worker was told to %s, beat will: %s", task, error)
        return False
    return True


def order_paid(order: Order, tickets: Sequence[Ticket], *, now: datetime) -> OutboxEvent:
    """Return the row of an order that is paid now, with its tickets: no statement.

    The order's event is loaded, and the tickets' seats with their categories.
    """
    return outbox_row(
        kind=EventKind.ORDER_PAID,
        organisation_id=order.event.organisation_id,
        subject_id=order.pk,
        payload=_order(order, tickets),
        now=now,
        is_first=True,
    )


def order_changed(
    order: Order,
    kind: EventKind,
    tickets: Sequence[Ticket],
    *,
    now: datetime,
    amount_minor: int = 0,
    **more: Any,
) -> OutboxEvent:
    """Return the row of what happened to an order: which tickets of it, what money moved.

    amount_minor: what went back to the fan, or (negative) what she paid.
    """
    payload = _order(order, tickets)
    payload["amount"] = _money(amount_minor, order.currency)
    return outbox_row(
        kind=kind,
        organisation_id=order.event.organisation_id,
        subject_id=order.pk,
        payload={**payload, **more},
        now=now,
    )


def ticket_changed(ticket: Ticket, kind: EventKind, *, now: datetime, **more: Any) -> OutboxEvent:
    """Return the row of what happened to a ticket, in the order of its order's events.

    Its event, order and seat are loaded.
    """
    return outbox_row(
        kind=kind,
        organisation_id=ticket.event.organisation_id,
        subject_id=ticket.order_id,
        payload={
            "event": _event(ticket.event),
            "order": {"id": str(ticket.order_id), "reference": ticket.order.reference},
            "ticket": _ticket(ticket),
            **more,
        },
        now=now,
    )


def event_changed(
    event: Event, kind: EventKind, changes: Mapping[str, Sequence[Any]], *, now: datetime
) -> OutboxEvent:
    """Return the row of what happened to an event; `changes` is {field: [old, new]}.

    Of EVENT_CHANGED, fans are mailed: `starts_at` (times), `venue` (names), `cancelled`.
    """
    told = {
        name: [utc(value) if isinstance(value, datetime) else value for value in pair]
        for name, pair in changes.items()
    }
    return outbox_row(
        kind=kind,
        organisation_id=event.organisation_id,
        subject_id=event.pk,
        payload={"event": _event(event), "changes": told},
        now=now,
    )


def tell_event(before: Mapping[str, Any], event: Event, *, now: datetime) -> None:
    """Write what a change of an event means to others, in its transaction; often that is nothing.

    `before` has its `state`, `starts_at` and `venue` (the Venue) as they were.
    """
    if before["state"] != event.state and event.state in _STATES:
        change = {"state": [str(before["state"]), str(event.state)]}
        write(event_changed(event, _STATES[EventState(event.state)], change, now=now))
    moved: dict[str, list[Any]] = {}
    if before["state"] != event.state and event.state == EventState.CANCELLED:
        moved["cancelled"] = [False, True]
    if before["starts_at"] != event.starts_at:
        moved["starts_at"] = [before["starts_at"], event.starts_at]
    if before["venue"] != event.venue:
        moved["venue"] = [str(before["venue"]), str(event.venue)]
    if moved and event.state != EventState.DRAFT:
        write(event_changed(event, EventKind.EVENT_CHANGED, moved, now=now))


def utc(instant: datetime) -> str:
    """Return an instant in ISO 8601, UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _event(event: Event) -> dict[str, Any]:
    return {
        "id": str(event.pk),
        "name": event.name,
        "slug": event.slug,
        "state": str(event.state),
        "starts_at": utc(event.starts_at),
        "venue": str(event.venue_id),
        "simulation": event.is_simulation,
    }


def _order(order: Order, tickets: Sequence[Ticket]) -> dict[str, Any]:
    return {
        "event": _event(order.event),
        "order": {
            "id": str(order.pk),
            "reference": order.reference,
            "state": str(order.state),
            "fan": str(order.fan_id),
            "total": _money(order.total_minor, order.currency),
            "fees": _money(order.fees_minor, order.currency),
            "refunded": _money(order.refunded_minor, order.currency),
            "region": order.region,
            "created_at": utc(order.created_at),
        },
        "tickets": [_ticket(ticket) for ticket in tickets],
    }


def _ticket(ticket: Ticket) -> dict[str, Any]:
    seat = ticket.seat
    return {
        "id": str(ticket.pk),
        "state": str(ticket.state),
        "issue": ticket.issue,
        "price": _money(ticket.total_minor, ticket.currency),
        "price_type": ticket.price_type,
        "seat": {
            "id": str(seat.pk),
            "guid": seat.guid,
            "section": seat.section,
            "row": seat.row,
            "number": seat.number,
        },
    }


def _money(minor: int, currency: str) -> dict[str, Any]:
    return {"amount": minor, "currency": currency}
