"""The tables of a sale, one file a family."""

from sales.models.events import Event, EventQuerySet, EventState, PriceCategory
from sales.models.idempotency import StoredAnswer
from sales.models.orders import (
    Allowance,
    LedgerEntry,
    LedgerKind,
    Order,
    OrderQuerySet,
    OrderState,
    Ticket,
    TicketState,
)
from sales.models.seats import Seat, SeatQuerySet, SeatStatus
from sales.models.stampedes import (
    Attempt,
    Outcome,
    Stampede,
    StampedeRegion,
    StampedeState,
)
from sales.models.venues import SeatingPlan, Section, Venue

__all__ = [
    "Allowance",
    "Attempt",
    "Event",
    "EventQuerySet",
    "EventState",
    "LedgerEntry",
    "LedgerKind",
    "Order",
    "OrderQuerySet",
    "OrderState",
    "Outcome",
    "PriceCategory",
    "Seat",
    "SeatQuerySet",
    "SeatStatus",
    "SeatingPlan",
    "Section",
    "Stampede",
    "StampedeRegion",
    "StampedeState",
    "StoredAnswer",
    "Ticket",
    "TicketState",
    "Venue",
]
