"""What has happened and is still to be told: written in the transaction of what happened."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from accounts.models import Organisation, TenantModel
from sales.models.events import Event
from sales.models.orders import Order


class EventKind(models.TextChoices):
    """What an organisation's systems are told of (docs/webhooks.md)."""

    ORDER_PAID = "order.paid", "An order was paid"
    ORDER_REFUNDED = "order.refunded", "Some of an order was given back"
    ORDER_CANCELLED = "order.cancelled", "An order was cancelled, or all of it given back"
    TICKET_EXCHANGED = "ticket.exchanged", "A ticket was exchanged for another seat"
    TICKET_REISSUED = "ticket.reissued", "A ticket has a new code"
    TICKET_ADMITTED = "ticket.admitted", "Somebody came in with a ticket"
    EVENT_PUBLISHED = "event.published", "An event was published, or its sale goes on"
    EVENT_PAUSED = "event.paused", "The sale of an event was paused"
    EVENT_CLOSED = "event.closed", "The sale of an event was closed"
    EVENT_CHANGED = "event.changed", "An event takes place at another time or place, or not at all"
    PING = "ping", "Somebody tried an endpoint"


class OutboxEvent(TenantModel):
    """Something that happened, to be told to webhooks and fans after it has committed.

    `sequence` orders the events of one subject (an order, with its tickets; or an event). It is a
    hybrid logical clock: microseconds since 1970, but always more than the highest number that the
    transaction saw of its subject. Of two events, one of which knew of the other, it has the higher
    number, whatever the clocks of the regions say; no row is written that both would conflict on.
    """

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Without a constraint in the database, since the sale's transaction spares the look at the
    # parent, and without an index, since nobody asks by it.
    organisation = models.ForeignKey(
        Organisation,
        on_delete=models.CASCADE,
        related_name="outbox_events",
        db_constraint=False,
        db_index=False,
    )
    kind = models.CharField(max_length=40, choices=EventKind.choices)
    subject_id = models.UUIDField()
    sequence = models.BigIntegerField()
    payload = models.JSONField(help_text="As of the commit; docs/webhooks.md describes it.")
    created_at = models.DateTimeField()
    drained_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["sequence"],
                condition=models.Q(drained_at__isnull=True),
                name="outbox_to_drain",
            ),
            models.Index(fields=["subject_id", "sequence"], name="outbox_subject"),
            models.Index(fields=["created_at"], name="outbox_created_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class OrderMailState(models.TextChoices):
    """Whether a mail is out."""

    PENDING = "pending", "Pending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"


class OrderMail(TenantModel):
    """A mail to the fan of an order, about something that happened; tried until it is out."""

    tenant_field = "happened"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    happened = models.ForeignKey(
        OutboxEvent, on_delete=models.CASCADE, related_name="mails", null=True, blank=True
    )
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="mails")
    template = models.CharField(max_length=40)
    facts = models.JSONField(default=dict, help_text="What the mail says beside the order.")
    state = models.CharField(
        max_length=10, choices=OrderMailState.choices, default=OrderMailState.PENDING
    )
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(help_text="When it is tried next; meanwhile its lease.")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["happened", "order"], name="one_mail_an_order"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=OrderMailState.PENDING),
                name="order_mail_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} ({self.get_state_display()})"


class Mailing(TenantModel):
    """A mail to all ticket holders of an event: how far the batches have come."""

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    happened = models.OneToOneField(OutboxEvent, on_delete=models.CASCADE, related_name="mailing")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="mailings")
    last_order_id = models.UUIDField(null=True, blank=True)
    orders = models.PositiveIntegerField(default=0, help_text="Mails written so far.")
    done_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.orders} mails"
