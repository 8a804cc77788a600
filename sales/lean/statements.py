"""The two round trips of a lean purchase, as SQL: what it reads and what it writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sales.models import Allowance, LedgerEntry, Order, OutboxEvent, StoredAnswer, Ticket
from worldseat.dsql.pipelines import Insert, Statement

__all__ = ["ALLOWANCE", "ANSWER", "LEDGER", "ORDER", "OUTBOX", "READ", "SEAT", "TICKET", "Row"]


class Row(NamedTuple):
    """What the one read finds: who asks, the seat, what it costs, what she has and was answered.

    `seat_id` and all that follows from it is None where the event has no such seat, `key_...` where
    the key is new, `used` where she has nothing at the event yet.
    """

    fan_id: UUID
    token_key: str
    expiry: datetime | None
    is_active: bool
    is_simulated: bool
    seat_id: UUID | None
    guid: str
    section: str
    row: str
    number: str
    status: str
    held_until: datetime | None
    organisation_id: UUID
    venue_id: UUID
    event_name: str
    event_slug: str
    is_simulation: bool
    starts_at: datetime
    state: str
    plan_id: UUID | None
    on_sale_at: datetime
    off_sale_at: datetime
    has_waiting_room: bool
    currency: str
    limit_per_fan: int
    fee_minor: int
    fee_basis_points: int
    price_minor: int
    code_required: bool
    category_limit: int | None
    used: int | None
    key_fingerprint: str | None
    key_status: int | None
    key_body: str | None
    key_created_at: datetime | None


READ = Statement(
    "lean_read",
    """
    SELECT u.id, t.token_key, t.expiry, u.is_active, u.is_simulated,
        s.id, s.guid, s.section, s.row, s.number, s.status, s.held_until,
        e.organisation_id, e.venue_id, e.name, e.slug, e.is_simulation, e.starts_at,
        e.state, e.plan_id, e.on_sale_at, e.off_sale_at, e.has_waiting_room,
        e.currency, e.limit_per_fan, e.fee_minor, e.fee_basis_points,
        c.price_minor, c.code_required, c.limit_per_fan,
        w.used, a.fingerprint, a.status, a.body, a.created_at
    FROM knox_authtoken t
    JOIN accounts_user u ON u.id = t.user_id
    LEFT JOIN sales_seat s ON s.id = $2::uuid AND s.event_id = $3::uuid
    LEFT JOIN sales_event e ON e.id = s.event_id
    LEFT JOIN sales_pricecategory c ON c.id = s.category_id
    LEFT JOIN sales_allowance w ON w.event_id = $3::uuid AND w.fan_id = u.id
    LEFT JOIN sales_storedanswer a ON a.fan_id = u.id AND a.key = $4::text
    WHERE t.digest = $1::text
    """,
)

SEAT = Statement(
    "lean_seat",
    """
    UPDATE sales_seat SET status = 'sold', changed_at = $2, hold_id = NULL, held_until = NULL
    WHERE id = $1
    """,
)

ALLOWANCE = Insert(
    "lean_allowance",
    Allowance,
    *("id", "event_id", "fan_id", "used"),
    or_else="ON CONFLICT (event_id, fan_id) "
    "DO UPDATE SET used = sales_allowance.used + EXCLUDED.used",
)

ORDER = Insert(
    "lean_order",
    Order,
    *("id", "reference", "event_id", "fan_id", "state", "total_minor", "fees_minor"),
    *("currency", "region", "created_at"),
)

TICKET = Insert(
    "lean_ticket",
    Ticket,
    *("id", "order_id", "event_id", "seat_id", "fan_id", "state", "price_minor", "fee_minor"),
    *("currency", "created_at"),
)

LEDGER = Insert(
    "lean_ledger",
    LedgerEntry,
    *("id", "event_id", "order_id", "kind", "amount_minor", "currency", "created_at"),
)

OUTBOX = Insert(
    "lean_outbox",
    OutboxEvent,
    *("id", "organisation_id", "kind", "subject_id", "sequence", "payload", "created_at"),
)

_KEPT = ("fingerprint", "subject", "status", "body", "created_at")
ANSWER = Insert(
    "lean_answer",
    StoredAnswer,
    *("id", "fan_id", "key", "fingerprint", "status", "body", "created_at"),
    or_else="ON CONFLICT (fan_id, key) DO UPDATE SET "
    + ", ".join(f"{column} = EXCLUDED.{column}" for column in _KEPT),
)


def row_of(rows: list[tuple[Any, ...]]) -> Row | None:
    """Return what the read found, None where nobody has this token."""
    return Row._make(rows[0]) if rows else None
