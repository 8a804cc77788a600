"""The tables of a sale, one file a family."""

from sales.models.allowances import Allowance, CategoryAllowance
from sales.models.box_office import BoxOfficeSale, CounterPayment
from sales.models.events import (
    Event,
    EventQuerySet,
    EventState,
    PresaleCode,
    PriceCategory,
    PriceType,
)
from sales.models.holds import KEEPS_SEATS, HeldSeat, Hold, HoldQuerySet, HoldState
from sales.models.idempotency import StoredAnswer
from sales.models.jobs import UNFINISHED_JOBS, BulkJob, JobBatch, JobKind, JobState
from sales.models.orders import (
    LedgerEntry,
    LedgerKind,
    Order,
    OrderQuerySet,
    OrderState,
    Ticket,
    TicketState,
)
from sales.models.outbox import EventKind, Mailing, OrderMail, OrderMailState, OutboxEvent
from sales.models.payments import Payment, PaymentState, Refund, RefundState
from sales.models.scans import Scan, Scanner, ScanOutcome, ScanReport
from sales.models.seats import Seat, SeatQuerySet, SeatStatus, free_at
from sales.models.stampedes import (
    Attempt,
    Outcome,
    Shape,
    Stampede,
    StampedeRegion,
    StampedeState,
)
from sales.models.venues import SeatingPlan, Section, Venue
from sales.models.waiting_rooms import QueuePlace, WaitingRoom
from sales.models.waitlists import EntryState, Waitlist, WaitlistEntry, WaitlistOrder
from sales.models.webhooks import (
    DeliveryState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    new_secret,
)

__all__ = [
    "KEEPS_SEATS",
    "UNFINISHED_JOBS",
    "Allowance",
    "Attempt",
    "BoxOfficeSale",
    "BulkJob",
    "CategoryAllowance",
    "CounterPayment",
    "DeliveryState",
    "EntryState",
    "Event",
    "EventKind",
    "EventQuerySet",
    "EventState",
    "HeldSeat",
    "Hold",
    "HoldQuerySet",
    "HoldState",
    "JobBatch",
    "JobKind",
    "JobState",
    "LedgerEntry",
    "LedgerKind",
    "Mailing",
    "Order",
    "OrderMail",
    "OrderMailState",
    "OrderQuerySet",
    "OrderState",
    "OutboxEvent",
    "Outcome",
    "Payment",
    "PaymentState",
    "PresaleCode",
    "PriceCategory",
    "PriceType",
    "QueuePlace",
    "Refund",
    "RefundState",
    "Scan",
    "ScanOutcome",
    "ScanReport",
    "Scanner",
    "Seat",
    "SeatQuerySet",
    "SeatStatus",
    "SeatingPlan",
    "Section",
    "Shape",
    "Stampede",
    "StampedeRegion",
    "StampedeState",
    "StoredAnswer",
    "Ticket",
    "TicketState",
    "Venue",
    "WaitingRoom",
    "Waitlist",
    "WaitlistEntry",
    "WaitlistOrder",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "free_at",
    "new_secret",
]
