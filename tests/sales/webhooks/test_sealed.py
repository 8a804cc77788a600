"""The secrets that sign are encrypted in the database, and outlive a change of SECRET_KEY."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from accounts.models import Organisation
from sales.models import Event, WebhookAttempt, WebhookEndpoint, new_secret
from sales.outbox import event_changed, write
from tests.helpers.webhooks.receiver import Receiver
from tests.helpers.webhooks.telling import tell

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "o" * 40, "n" * 40


def stored(hook: WebhookEndpoint, column: str = "secret") -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column} FROM sales_webhookendpoint WHERE id = %s",  # noqa: S608 # a name
            [hook.pk],
        )
        return str(cursor.fetchone()[0])


def store(hook: WebhookEndpoint, secret: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sales_webhookendpoint SET secret = %s WHERE id = %s", [secret, hook.pk]
        )


def something_happens(event: Event) -> None:
    write(event_changed(event, "event.paused", {}, now=event.on_sale_at))  # type: ignore[arg-type]


def test_a_copy_of_the_database_signs_nothing(hook: WebhookEndpoint) -> None:
    assert hook.secret.startswith("whsec_")
    assert hook.secret not in stored(hook)
    assert stored(hook).startswith("gAAAA"), "Fernet"
    assert WebhookEndpoint.objects.get().secret == hook.secret
    assert stored(hook, "previous_secret") == ""


def test_signs_after_the_key_has_changed(
    settings: Settings, event: Event, hook: WebhookEndpoint, shop: Receiver
) -> None:
    settings.SECRET_KEY = NEW
    settings.SECRET_KEY_FALLBACKS = [OLD]
    settings.SECRET_KEY = OLD
    hook.save()
    settings.SECRET_KEY = NEW
    something_happens(event)
    assert tell() == 1
    assert len(shop.accepted) == 1
    # Sealed anew, it needs the old key no longer.
    call_command("reseal")
    settings.SECRET_KEY_FALLBACKS = []
    something_happens(event)
    assert tell() == 1
    assert len(shop.accepted) == 2


def test_one_that_no_key_opens_says_so_and_stops_no_other(
    settings: Settings, acme: Organisation, event: Event, hook: WebhookEndpoint, shop: Receiver
) -> None:
    settings.SECRET_KEY = OLD
    lost = WebhookEndpoint.objects.create(
        organisation=acme, url=f"{shop.url}&lost", created_at=event.on_sale_at
    )
    settings.SECRET_KEY = NEW
    hook.save()
    kept = stored(lost)
    something_happens(event)
    assert tell() == 2
    assert len(shop.accepted) == 1
    failed = WebhookAttempt.objects.get(delivery__endpoint=lost)
    assert (failed.status, failed.error) == (None, "The secret cannot be opened: make a new one.")
    call_command("reseal")
    assert stored(lost) == kept, "the key may come back"


def test_the_migration_seals_what_was_stored_plain(hook: WebhookEndpoint) -> None:
    secret = new_secret()
    store(hook, secret)
    assert WebhookEndpoint.objects.get().secret == secret, "read as it is until then"
    migration = import_module("sales.migrations.0015_seal_webhook_secrets")
    with connection.schema_editor(atomic=False) as editor:
        migration.seal(apps, editor)
    assert secret not in stored(hook)
    assert WebhookEndpoint.objects.get().secret == secret
