"""An organisation's managers make API keys in the admin, see each once, and revoke them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.api_keys import BadApiKey, authenticate
from accounts.models import ApiKey, AuditEntry, Organisation, User

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/accounts/apikey/"
ClientAs = Callable[[User], Client]


def form_for(organisation: Organisation, **fields: Any) -> dict[str, Any]:
    made = {"organisation": str(organisation.pk), "name": "Website", "scopes": ["events:read"]}
    return {**made, "expires_at_0": "", "expires_at_1": "", **fields}


def test_shows_the_secret_once(
    client_as: ClientAs, alice: User, acme: Organisation, now: datetime
) -> None:
    browser = client_as(alice)
    page = browser.post(f"{LIST}add/", form_for(acme))
    assert page.status_code == 200, page
    assert "no-store" in page["Cache-Control"]
    found = re.search(r"ws_live_\w{40}", page.content.decode())
    assert found
    key = authenticate(secret=found[0], now=now)
    assert (key.organisation, key.scopes, key.created_by) == (acme, ["events:read"], alice)
    for again in (LIST, f"{LIST}{key.pk}/change/", f"{LIST}{key.pk}/history/"):
        shown = browser.get(again).content.decode()
        assert key.prefix in shown
        assert found[0] not in shown
    entry = AuditEntry.objects.get(action="api-key.created")
    assert (entry.actor, entry.organisation) == (alice, acme)
    assert found[0] not in str(entry.changes)
    assert AuditEntry.objects.count() == 1


def test_revokes(client_as: ClientAs, alice: User, acme: Organisation, now: datetime) -> None:
    browser = client_as(alice)
    page = browser.post(f"{LIST}add/", form_for(acme)).content.decode()
    found = re.search(r"ws_live_\w{40}", page)
    assert found
    action = {"action": "revoke", "_selected_action": [str(ApiKey.objects.get().pk)]}
    assert browser.post(LIST, action).status_code == 302
    with pytest.raises(BadApiKey):
        authenticate(secret=found[0], now=now)
    assert AuditEntry.objects.filter(action="api-key.revoked").count() == 1


def test_is_for_managers_of_the_organisation(
    client_as: ClientAs, alice: User, bob: User, charlie: User, acme: Organisation
) -> None:
    client_as(alice).post(f"{LIST}add/", form_for(acme))
    key = ApiKey.objects.get()
    action = {"action": "revoke", "_selected_action": [str(key.pk)]}
    assert client_as(bob).get(LIST).status_code == 403
    assert client_as(bob).post(f"{LIST}add/", form_for(acme)).status_code == 403
    assert key.prefix not in client_as(charlie).get(LIST).content.decode()
    client_as(charlie).post(LIST, action)
    assert client_as(charlie).post(f"{LIST}add/", form_for(acme)).status_code == 200
    key.refresh_from_db()
    assert key.revoked_at is None
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("fields", [{"scopes": []}, {"scopes": ["all"]}, {"name": ""}])
def test_needs_a_name_and_scopes(
    client_as: ClientAs, alice: User, acme: Organisation, fields: dict[str, Any]
) -> None:
    client_as(alice).post(f"{LIST}add/", form_for(acme, **fields))
    assert not ApiKey.objects.exists()


def test_refuses_a_key_that_is_over_already(
    client_as: ClientAs, alice: User, acme: Organisation, now: datetime
) -> None:
    day = f"{now - timedelta(days=1):%Y-%m-%d}"
    over = form_for(acme, expires_at_0=day, expires_at_1="12:00:00")
    assert "over already" in client_as(alice).post(f"{LIST}add/", over).content.decode()
    assert not ApiKey.objects.exists()
