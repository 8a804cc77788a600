"""Managers look after webhooks in the browser: their organisation's, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry, Organisation, User
from sales.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from sales.telling import log
from sales.telling.endpoints import create_endpoint, ping
from tests.organise.forms import post

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]
PATH = "/organise/webhooks/"
URL = "https://hooks.example.com/in"


@pytest.fixture
def hook(acme: Organisation, alice: User, now: datetime) -> WebhookEndpoint:
    return create_endpoint(
        endpoint_id=uuid4(), organisation_id=acme.pk, user=alice, url=URL, now=now
    )


@pytest.fixture
def told(hook: WebhookEndpoint, alice: User, now: datetime) -> WebhookDelivery:
    """A message that failed for good."""
    made = ping(endpoint_id=hook.pk, ping_id=uuid4(), user=alice, now=now)
    WebhookAttempt.objects.create(
        delivery=made, at=now, status=503, milliseconds=41, body="<b>busy</b>"
    )
    made.state, made.attempts, made.ended_at = DeliveryState.FAILED, 10, now
    made.save()
    return made


def everything() -> list[Any]:
    return [
        *WebhookEndpoint.objects.order_by("pk").values(),
        *WebhookDelivery.objects.order_by("pk").values(),
        *AuditEntry.objects.order_by("pk").values("pk", "action"),
    ]


def test_adds_one_and_shows_its_secret_once(
    client_as: ClientAs, acme: Organisation, alice: User
) -> None:
    client, key = client_as(alice), uuid4().hex
    fields = {"organisation": acme.pk, "url": URL, "kinds": ["order.paid"], "enabled": "on"}
    for _ in range(2):
        answer = post(client, f"{PATH}new/", key, **fields)
        assert answer.status_code == 200
    made = WebhookEndpoint.objects.get()
    assert (made.organisation, made.url, made.kinds) == (acme, URL, ["order.paid"])
    assert made.secret in answer.content.decode()
    for path in (PATH, f"{PATH}{made.pk}/", f"{PATH}{made.pk}/change/"):
        page = client.get(path).content.decode()
        assert URL in page
        assert made.secret not in page
    assert AuditEntry.objects.get().action == "webhook.created"


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "https://10.1.2.3/", "words"])
def test_refuses_what_nothing_may_be_sent_to(
    client_as: ClientAs, acme: Organisation, hook: WebhookEndpoint, alice: User, url: str
) -> None:
    before = everything()
    for path in (f"{PATH}new/", f"{PATH}{hook.pk}/change/"):
        answer = post(client_as(alice), path, organisation=acme.pk, url=url)
        assert answer.status_code == 400
        assert 'class="wrong"' in answer.content.decode()
    assert everything() == before


def test_changes_only_what_is_different(
    client_as: ClientAs, hook: WebhookEndpoint, alice: User, now: datetime
) -> None:
    WebhookEndpoint.objects.update(failing_since=now)
    path, key = f"{PATH}{hook.pk}/change/", uuid4().hex
    for _ in range(2):
        fields = {"url": URL, "description": "Books", "enabled": "on"}
        assert post(client_as(alice), path, key, **fields).status_code == 302
    hook.refresh_from_db()
    assert (hook.description, hook.failing_since) == ("Books", now)
    assert AuditEntry.objects.filter(action="webhook.changed").count() == 1
    assert post(client_as(alice), path, url=URL, description="Books").status_code == 302
    hook.refresh_from_db()
    assert not hook.enabled


def test_rotates_once_a_form(client_as: ClientAs, hook: WebhookEndpoint, alice: User) -> None:
    key = uuid4().hex
    for _ in range(2):
        answer = post(client_as(alice), f"{PATH}{hook.pk}/secret/", key)
        assert answer.status_code == 200
    rotated = WebhookEndpoint.objects.get()
    assert rotated.secret in answer.content.decode()
    assert rotated.previous_secret == hook.secret != rotated.secret


def test_pings_once_a_form_and_only_what_is_enabled(
    client_as: ClientAs, hook: WebhookEndpoint, alice: User
) -> None:
    key, path = uuid4().hex, f"{PATH}{hook.pk}/ping/"
    for _ in range(2):
        assert post(client_as(alice), path, key).status_code == 302
    assert WebhookDelivery.objects.get().happened.kind == "ping"
    WebhookEndpoint.objects.update(enabled=False)
    refused = post(client_as(alice), path)
    assert refused.status_code == 409
    assert "Nothing was changed" in refused.content.decode()
    assert WebhookDelivery.objects.count() == 1


def test_shows_the_log_and_delivers_again_once_a_form(
    client_as: ClientAs, told: WebhookDelivery, alice: User
) -> None:
    client, path = client_as(alice), f"{PATH}{told.endpoint_id}/"
    page = client.get(path).content.decode()
    for words in ("503", "41 ms", "&lt;b&gt;busy&lt;/b&gt;", "Failed"):
        assert words in page
    assert "answered 503" in client.get(PATH).content.decode()
    key = uuid4().hex
    for _ in range(2):
        assert post(client, f"{path}deliveries/{told.pk}/again/", key).status_code == 302
    told.refresh_from_db()
    assert (told.state, told.attempts) == (DeliveryState.PENDING, 0)
    assert AuditEntry.objects.filter(action="webhook.redelivered").count() == 1


def test_turns_the_pages_of_a_long_log(
    client_as: ClientAs, hook: WebhookEndpoint, alice: User, now: datetime
) -> None:
    made = [
        ping(endpoint_id=hook.pk, ping_id=uuid4(), user=alice, now=now + timedelta(seconds=each))
        for each in range(log.PAGE + 2)
    ]
    first = client_as(alice).get(f"{PATH}{hook.pk}/").context["log"]
    path = f"{PATH}{hook.pk}/?after={first.following}"
    second = client_as(alice).get(path).context["log"]
    assert [*first.deliveries, *second.deliveries] == made[::-1]
    assert second.following == ""


def test_deletes_once_a_form(client_as: ClientAs, told: WebhookDelivery, alice: User) -> None:
    path, key = f"{PATH}{told.endpoint_id}/", uuid4().hex
    for _ in range(2):
        assert post(client_as(alice), f"{path}delete/", key).status_code == 302
    assert WebhookEndpoint.objects.get().deleted_at
    assert AuditEntry.objects.filter(action="webhook.deleted").count() == 1
    assert client_as(alice).get(path).status_code == 404
    assert URL not in client_as(alice).get(PATH).content.decode()


def test_is_for_managers_of_this_organisation(
    client_as: ClientAs,
    acme: Organisation,
    told: WebhookDelivery,
    bob: User,
    charlie: User,
    fay: User,
) -> None:
    before, path = everything(), f"{PATH}{told.endpoint_id}/"
    for user, status in ((charlie, 404), (bob, 403), (fay, 403)):
        client = client_as(user)
        answers = [
            client.get(path),
            client.get(f"{path}change/"),
            post(client, f"{path}change/", url="https://evil.example/", enabled="on"),
            post(client, f"{path}secret/"),
            post(client, f"{path}ping/"),
            post(client, f"{path}deliveries/{told.pk}/again/"),
            post(client, f"{path}delete/"),
        ]
        assert {answer.status_code for answer in answers} == {status}
    assert URL not in client_as(charlie).get(PATH).content.decode()
    assert client_as(bob).get(PATH).status_code == 403
    given: dict[str, Any] = {"organisation": acme.pk, "url": URL, "enabled": "on"}
    assert post(client_as(charlie), f"{PATH}new/", **given).status_code == 400
    assert post(client_as(bob), f"{PATH}new/", **given).status_code == 403
    assert everything() == before


def test_is_in_the_navigation_of_who_manages(client_as: ClientAs, alice: User, bob: User) -> None:
    link = f'href="{PATH}"'
    assert link in client_as(alice).get("/organise/").content.decode()
    assert link not in client_as(bob).get("/organise/").content.decode()
