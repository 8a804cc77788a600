"""Telling what is in the outbox, at once."""

from __future__ import annotations

from django.utils import timezone

from sales.models import DeliveryState, WebhookDelivery
from sales.telling.delivering import deliver
from sales.telling.draining import drain


def tell() -> int:
    """Drain the outbox and try what is due; return how many tries it were."""
    drain()
    return deliver()


def tell_all(*, rounds: int = 20) -> None:
    """Tell until nothing is pending, as if each wait were over at once."""
    drain()
    for _ in range(rounds):
        pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING)
        if not pending.update(due_at=timezone.now(), leased=False):
            return
        deliver()
    raise AssertionError("something is still pending")
