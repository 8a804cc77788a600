"""The lean sale: one read with BEGIN, one decision, one batch of writes with COMMIT.

As naive as `sales.purchases`: it reads that the seat is free and that the fan may have one more,
and writes both rows. Whoever wrote one of them meanwhile makes it conflict and run again. The token
is read in the same snapshot, so none that was revoked before sells anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import cast
from uuid import UUID, uuid4

from django.db import transaction

from accounts.tokens import SIMULATED
from sales.contention import counts_conflicts
from sales.events import is_on_sale
from sales.idempotency import KEPT_FOR
from sales.lean.statements import (
    ALLOWANCE,
    ANSWER,
    LEDGER,
    ORDER,
    OUTBOX,
    READ,
    SEAT,
    TICKET,
    Row,
    row_of,
)
from sales.models import LedgerKind, Order, OrderState, Ticket, TicketState
from sales.models.orders import new_reference
from sales.models.seats import is_free_at
from sales.outbox import order_paid, wake
from sales.pricing import price_of
from sales.waiting_room.tokens import read_pass
from worldseat.dsql.occ import occ_retry
from worldseat.dsql.pipelines import Write, begin_with_read, write_at_commit

__all__ = ["Answered", "Asked", "Sold", "purchase"]


@dataclass(frozen=True)
class Asked:
    """A purchase as it arrived: whose token (its digest), which seat, under which key."""

    token_digest: str
    event_id: UUID
    seat_id: UUID
    key: str
    fingerprint: str
    queue_pass: str = ""


class Sold(SimpleNamespace):
    """A paid order, with its model's names; so have its ticket, the seat and the event."""


@dataclass(frozen=True)
class Answered:
    """The answer: an HTTP status and a JSON body as text; whether an earlier request got it."""

    status: int
    body: str
    replayed: bool = False


@counts_conflicts(lambda asked, **_: asked.event_id)
@occ_retry(repeatable=True)
def purchase(
    asked: Asked,
    *,
    region: str,
    now: datetime,
    admit: Callable[[Row], None],
    sold: Callable[[Sold], Answered],
    taken: Callable[[Row], Answered],
) -> Answered | None:
    """Sell a seat, or refuse one that is taken, and keep the answer under the key.

    `admit` may refuse the fan by an exception (she asks too often); it is asked once what was read
    is known to be hers. `sold` and `taken` make the answer. All run as often as the transaction
    does, and change nothing in the database. Returns None, and
    has written nothing, where the case is not plain: `sales.purchases` decides it. Raises the
    database's conflict when it did not settle in time (nothing is written), and OutcomeUnknown.
    """
    row = row_of(begin_with_read(READ, _parameters(asked)))
    if row is None or not _is_plain(row, asked, now):
        return None
    admit(row)
    if row.key_status is not None and row.key_body is not None and _is_kept(row, now):
        return Answered(row.key_status, row.key_body, replayed=True)
    if is_free_at(row.status, row.held_until, now):
        order = _order(row, asked, region, now)
        answer, writes = sold(order), _writes(order)
        transaction.on_commit(wake)
    else:
        answer, writes = taken(row), []
    kept = [uuid4(), row.fan_id, asked.key, asked.fingerprint, answer.status, answer.body, now]
    write_at_commit([*writes, (ANSWER.statement, kept)])
    return answer


def _parameters(asked: Asked) -> list[object]:
    return [asked.token_digest, asked.seat_id, asked.event_id, asked.key]


def _is_plain(row: Row, asked: Asked, now: datetime) -> bool:
    """Tell whether it may buy this seat without a code, a limit being reached, or a second look."""
    if _is_kept(row, now):
        same = row.key_fingerprint == asked.fingerprint and row.key_status is not None
        return same and _is_hers(row, now)
    return (
        _is_hers(row, now)
        and row.seat_id is not None
        and is_on_sale(row, now=now)
        and (not row.has_waiting_room or _has_pass(row, asked, now))
        and not row.code_required
        and row.category_limit is None
        and (row.used or 0) < row.limit_per_fan
    )


def _is_hers(row: Row, now: datetime) -> bool:
    """Tell whether the token is good: what `BearerAuthentication` asks for."""
    return (
        row.is_active
        and row.is_simulated == row.token_key.startswith(SIMULATED)
        and (row.expiry is None or row.expiry >= now)
    )


def _has_pass(row: Row, asked: Asked, now: datetime) -> bool:
    """Tell whether she was let in from the waiting room."""
    event, fan = asked.event_id, row.fan_id
    return read_pass(asked.queue_pass, event_id=event, fan_id=fan, now=now) is not None


def _is_kept(row: Row, now: datetime) -> bool:
    """Tell whether the key was used, and not too long ago."""
    return row.key_created_at is not None and row.key_created_at > now - KEPT_FOR


def _order(row: Row, asked: Asked, region: str, now: datetime) -> Sold:
    """Return what is sold as its models name it: models themselves would take longer to make."""
    price = price_of(row, row)
    event = SimpleNamespace(
        pk=asked.event_id,
        organisation_id=row.organisation_id,
        venue_id=row.venue_id,
        name=row.event_name,
        slug=row.event_slug,
        state=row.state,
        starts_at=row.starts_at,
        is_simulation=row.is_simulation,
    )
    seat = SimpleNamespace(
        pk=asked.seat_id, guid=row.guid, section=row.section, row=row.row, number=row.number
    )
    ticket = SimpleNamespace(
        pk=uuid4(),
        seat=seat,
        state=TicketState.VALID,
        issue=1,
        price_minor=price.price_minor,
        fee_minor=price.fee_minor,
        total_minor=price.total_minor,
        price_type="",
        currency=row.currency,
    )
    return Sold(
        pk=uuid4(),
        reference=new_reference(),
        event=event,
        fan_id=row.fan_id,
        state=OrderState.PAID,
        total_minor=price.total_minor,
        fees_minor=price.fee_minor,
        refunded_minor=0,
        currency=row.currency,
        region=region,
        created_at=now,
        ticket=ticket,
    )


def _writes(order: Sold) -> list[Write]:
    """Return what `sales.purchases` writes, in its order."""
    ticket, now, fan = order.ticket, order.created_at, order.fan_id
    event, seat = order.event.pk, ticket.seat.pk
    paid = order_paid(cast("Order", order), [cast("Ticket", ticket)], now=now)
    return [
        (SEAT, [seat, now]),
        (ALLOWANCE.statement, [uuid4(), event, fan, 1]),
        (
            ORDER.statement,
            [
                *(order.pk, order.reference, event, fan, order.state),
                *(order.total_minor, order.fees_minor, order.currency, order.region, now),
            ],
        ),
        (
            TICKET.statement,
            [
                *(ticket.pk, order.pk, event, seat, fan, ticket.state),
                *(ticket.price_minor, ticket.fee_minor, order.currency, now),
            ],
        ),
        (
            LEDGER.statement,
            [uuid4(), event, order.pk, LedgerKind.SALE, order.total_minor, order.currency, now],
        ),
        (
            OUTBOX.statement,
            [
                *(paid.pk, paid.organisation_id, paid.kind, paid.subject_id, paid.sequence),
                *(json.dumps(paid.payload), paid.created_at),
            ],
        ),
    ]
