"""Waiting rooms, and who joined them."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models

from accounts.models import TenantModel
from sales.models.events import Event


def new_seed() -> str:
    """Return a random seed of a draw: 32 bytes in hexadecimal."""
    return secrets.token_hex(32)


class WaitingRoom(TenantModel):
    """How an event lets fans in: see sales.waiting_room; `Event.has_waiting_room` says it is on.

    Who joined before `event.on_sale_at` is ordered by a draw from `seed`, which is secret until
    then; its hash, `commitment`, is shown all the time. Up to rank `released` fans had been let in
    at `released_at`, and `rate_per_minute` more each minute since.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.OneToOneField(Event, on_delete=models.CASCADE, related_name="waiting_room")
    opens_at = models.DateTimeField(help_text="From when on fans may join.")
    rate_per_minute = models.PositiveIntegerField(
        validators=[MinValueValidator(1)], help_text="How many fans are let in a minute."
    )
    pass_seconds = models.PositiveIntegerField(
        default=600,
        validators=[MinValueValidator(60)],
        help_text="How long a fan who was let in may hold and buy seats.",
    )
    is_paused = models.BooleanField(default=False, help_text="Nobody is let in; places are kept.")
    policy = models.TextField(
        blank=True, help_text="Shown to fans beside the rules that hold for every waiting room."
    )
    seed = models.CharField(max_length=64, default=new_seed, editable=False)
    released = models.PositiveIntegerField(default=0, editable=False)
    released_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(rate_per_minute__gte=1, pass_seconds__gte=60),
                name="waiting_room_lets_in",
                violation_error_message="Let in at least one fan a minute, for a minute at least.",
            ),
        ]

    def __str__(self) -> str:
        return f"Waiting room of {self.event}"

    @property
    def commitment(self) -> str:
        """SHA-256 of the seed, in hexadecimal: published before the seed is."""
        return hashlib.sha256(bytes.fromhex(self.seed)).hexdigest()


class QueuePlace(TenantModel):
    """A fan's place in a waiting room: one each, however often she joins.

    The id is made of the event's, the fan's and the turn, so that every region makes the same
    one. `draw` orders those who joined before the sale, `joined_at` those who came later; `turn`
    counts how often she has joined anew after a pass had ended. Her ticket says the same: a row
    that was never written is made from it. No foreign key to the fan: a batch of a thousand
    would look up a thousand users.
    """

    tenant_field = "room"

    id = models.UUIDField(primary_key=True, editable=False)
    room = models.ForeignKey(WaitingRoom, on_delete=models.CASCADE, related_name="places")
    fan_id = models.UUIDField()
    joined_at = models.DateTimeField()
    draw = models.FloatField()
    turn = models.PositiveIntegerField(default=0)
    region = models.CharField(max_length=32)
    admitted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.fan_id}, {self.joined_at:%H:%M:%S}"
