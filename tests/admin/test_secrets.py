"""Nobody reads a secret in the admin, its organisation's owner included."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, User
from sales.models import WaitingRoom, Waitlist, WaitlistEntry, WebhookEndpoint

pytestmark = pytest.mark.django_db

SECRETS = {
    ApiKey: "digest",
    WaitingRoom: "seed",
    Waitlist: "seed",
    WaitlistEntry: "draw",
    WebhookEndpoint: "secret",
}


@pytest.mark.parametrize(("model", "field"), SECRETS.items())
def test_shows_no_secret_and_answers_no_question_about_one(
    client: Client, alice: User, acmes_rows: dict[type[Model], Model], model: Any, field: str
) -> None:
    client.force_login(alice)
    row = acmes_rows[model]
    secret = str(getattr(row, field))
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    change, listed = reverse(f"{base}_change", args=[row.pk]), reverse(f"{base}_changelist")
    for page in (change, listed):
        response = client.get(page)
        assert response.status_code == 200
        assert secret not in response.content.decode()
    for lookup, value in ((field, secret), (f"{field}__startswith", secret[:3])):
        assert client.get(listed, {lookup: value}).status_code == 400
    assert client.get(listed, {"id__exact": str(row.pk)}).status_code == 200
