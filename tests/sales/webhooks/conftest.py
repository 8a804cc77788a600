"""An endpoint of acme's at a receiver on this machine, which the settings allow here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation
from sales.models import WebhookEndpoint
from tests.helpers.webhooks.receiver import Receiver, receiver


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
