"""Orders, tickets, and the ledger that has to add up."""

from __future__ import annotations

import secrets
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from accounts.models import TenantManager, TenantModel
from sales.models.events import Event, PresaleCode
from sales.models.holds import Hold
from sales.models.seats import Seat

# Without letters and digits that are mistaken for each other over the phone.
REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
REFERENCE_LENGTH = 10


def new_reference() -> str:
    """Return a random order reference: 50 bits, readable aloud."""
    # Five bits of each byte: the alphabet has 32 letters.
    return "".join(REFERENCE_ALPHABET[byte & 31] for byte in secrets.token_bytes(REFERENCE_LENGTH))


class OrderState(models.TextChoices):
    """Where an order stands."""

    PENDING = "pending", "Awaiting payment"
    PAID = "paid", "Paid"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class TicketState(models.TextChoices):
    """Whether a ticket admits."""

    VALID = "valid", "Valid"
    VOID = "void", "Void"


class LedgerKind(models.TextChoices):
    """What moved money."""

    SALE = "sale", "Sale"
    REFUND = "refund", "Refund"


class OrderQuerySet(models.QuerySet["Order"]):
    """Orders, by whose they are."""

    def of(self, user: Any) -> OrderQuerySet:
        """Return the orders of one fan."""
        return self.filter(fan_id=user.pk)

    def with_tickets(self) -> OrderQuerySet:
        """Load event, tickets and seats too, in two statements however many orders there are."""
        tickets = Ticket.objects.select_related("seat").order_by("seat__position", "seat__guid")
        return self.select_related("event").prefetch_related(
            models.Prefetch("tickets", queryset=tickets)
        )


class Order(TenantModel):
    """What one fan bought at one event, in one go. Amounts are minor units of `currency`.

    `total_minor` is all that was asked for, fees included: at first, and for a dearer seat in
    exchange. `refunded_minor` is all that went back. An order that failed lets go of its hold,
    which may then be paid by another one.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=12, unique=True, default=new_reference, editable=False)
    # No index of their own: those by date begin with them.
    event = models.ForeignKey(
        Event, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    hold = models.OneToOneField(
        Hold, on_delete=models.PROTECT, related_name="order", null=True, blank=True, editable=False
    )
    state = models.CharField(max_length=20, choices=OrderState.choices)
    total_minor = models.PositiveBigIntegerField()
    fees_minor = models.PositiveBigIntegerField(default=0)
    refunded_minor = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    region = models.CharField(max_length=32, help_text="The region that sold it.")
    created_at = models.DateTimeField()

    objects: ClassVar = TenantManager.from_queryset(OrderQuerySet)()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=OrderState.values), name="order_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["fan", "created_at"], name="order_fan_created_at"),
            models.Index(fields=["event", "created_at"], name="order_event_created_at"),
        ]

    def __str__(self) -> str:
        return self.reference


class Ticket(TenantModel):
    """The right of one fan to one seat.

    `one_valid_ticket_a_seat` is the second line behind the sale's own logic: the database
    refuses a second valid ticket whatever the code does.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="tickets")
    # Its order's event and fan, whose rows the order's own constraints keep: the sale's transaction
    # spares the look. Other indexes begin with them.
    event = models.ForeignKey(
        Event,
        on_delete=models.PROTECT,
        related_name="tickets",
        db_constraint=False,
        db_index=False,
    )
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="tickets")
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="tickets",
        db_constraint=False,
        db_index=False,
    )
    state = models.CharField(max_length=10, choices=TicketState.choices)
    price_minor = models.PositiveBigIntegerField()
    fee_minor = models.PositiveBigIntegerField(default=0)
    price_type = models.CharField(max_length=100, blank=True, help_text="Empty: the full price.")
    code = models.ForeignKey(
        PresaleCode,
        on_delete=models.PROTECT,
        related_name="tickets",
        null=True,
        blank=True,
        help_text="The presale code it was sold under.",
    )
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    issue = models.PositiveSmallIntegerField(
        default=1, help_text="Which printing of the ticket admits: each reissue voids the former."
    )
    reissued_at = models.DateTimeField(null=True, blank=True, editable=False)
    admitted_at = models.DateTimeField(null=True, blank=True, editable=False)
    voided_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["seat"],
                condition=models.Q(state=TicketState.VALID),
                name="one_valid_ticket_a_seat",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=TicketState.values), name="ticket_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["event", "state"], name="ticket_event_state"),
            models.Index(fields=["fan", "event"], name="ticket_fan_event"),
        ]

    def __str__(self) -> str:
        return f"{self.seat} ({self.get_state_display()})"

    @property
    def total_minor(self) -> int:
        """What was asked for it: its price and its fee."""
        return self.price_minor + self.fee_minor


class LedgerEntry(TenantModel):
    """A line of the books: never changed, never deleted. Refunds are negative."""

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Its order's: neither a constraint nor an index of its own.
    event = models.ForeignKey(
        Event,
        on_delete=models.PROTECT,
        related_name="ledger_entries",
        db_constraint=False,
        db_index=False,
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="ledger_entries")
    kind = models.CharField(max_length=10, choices=LedgerKind.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__in=LedgerKind.values), name="ledger_kind_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["event", "created_at"], name="ledger_event_created_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor} {self.currency}"
