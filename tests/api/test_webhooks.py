"""Organisers' programs manage webhooks: their own, with the scope, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from sales.models import WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db(transaction=True)

LogIn = Callable[[User], APIClient]
PATH = "/api/v1/organiser/webhooks/"
WANTED = {"url": "https://hooks.example.com/in", "event_types": ["order.paid"]}


def test_made_shown_changed_and_deleted(api_as: LogIn, alice: User) -> None:
    api = api_as(alice)
    made = api.post(PATH, WANTED)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    path = f"{PATH}{made.json()['id']}/"
    assert "secret" not in api.get(PATH).json()["results"][0]
    changed = api.patch(path, {"event_types": [], "enabled": False}).json()
    assert (changed["event_types"], changed["enabled"]) == ([], False)
    rotated = api.post(f"{path}secret/").json()
    assert rotated["secret"] != made.json()["secret"]
    assert rotated["old_secret_signs_until"]
    assert api.post(f"{path}ping/").json()["code"] == "webhook-disabled"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.get(PATH).json()["results"] == []
    actions = list(AuditEntry.objects.order_by("at").values_list("action", flat=True))
    assert actions == [
        "webhook.created",
        "webhook.changed",
        "webhook.secret_rotated",
        "webhook.deleted",
    ]
    secrets = (made.json()["secret"], rotated["secret"])
    kept = str(list(AuditEntry.objects.values_list("changes", flat=True)))
    assert not any(secret in kept for secret in secrets)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://hooks.example.com/"},
        {"url": "https://169.254.169.254/"},
        {"url": "https://localhost:22/"},
        {"event_types": ["order.guessed"]},
        {"secret": "whsec_mine"},
    ],
)
def test_a_bad_one_is_refused(api_as: LogIn, alice: User, change: dict[str, object]) -> None:
    refused = api_as(alice).post(PATH, {**WANTED, **change})
    assert refused.status_code == 400
    assert not WebhookEndpoint.objects.exists()


def test_a_ping_is_logged_and_told_again(api_as: LogIn, alice: User) -> None:
    api = api_as(alice)
    path = f"{PATH}{api.post(PATH, WANTED).json()['id']}/"
    sent = api.post(f"{path}ping/")
    assert (sent.status_code, sent.json()["type"]) == (202, "ping")
    (logged,) = api.get(f"{path}deliveries/").json()["results"]
    assert logged["id"] == sent.json()["id"]
    WebhookDelivery.objects.update(state="failed", attempts=10)
    again = api.post(f"{path}deliveries/{logged['id']}/redeliver/")
    assert again.status_code == 202
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    assert again.json()["message"] == sent.json()["message"]


def test_nobody_elses(api_as: LogIn, alice: User, bob: User, charlie: User) -> None:
    made = api_as(alice).post(PATH, WANTED).json()
    sent = api_as(alice).post(f"{PATH}{made['id']}/ping/").json()
    before = WebhookEndpoint.objects.values().get()
    for user, status in ((charlie, 404), (bob, 403)):
        api, path = api_as(user), f"{PATH}{made['id']}/"
        answers = [
            api.get(path),
            api.patch(path, {"url": "https://evil.example/"}),
            api.post(f"{path}secret/"),
            api.post(f"{path}ping/"),
            api.get(f"{path}deliveries/"),
            api.post(f"{path}deliveries/{sent['id']}/redeliver/"),
            api.delete(path),
        ]
        assert {each.status_code for each in answers} == {status}
    assert api_as(charlie).get(PATH).json()["results"] == []
    assert WebhookEndpoint.objects.values().get() == before
    assert WebhookDelivery.objects.count() == 1
