"""An endpoint of acme's at a receiver on this machine, which the settings allow here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation
from sales.models import DeliveryState, WebhookDelivery, WebhookEndpoint, new_secret
from sales.telling.delivering import deliver
from sales.telling.draining import drain
from tests.sales.webhooks.receiver import Receiver, receiver


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]


@pytest.fixture
def hook(acme: Organisation) -> WebhookEndpoint:
    """An endpoint that is told everything; nobody listens yet."""
    return WebhookEndpoint.objects.create(
        organisation=acme, url="http://127.0.0.1:9999/", created_at=timezone.now()
    )


@pytest.fixture
def shop(hook: WebhookEndpoint) -> Iterator[Receiver]:
    """Who listens at the endpoint."""
    with receiver(hook.secret) as running:
        hook.url = running.url
        hook.save()
        yield running


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


__all__ = ["new_secret", "tell", "tell_all"]
