"""An API key opens what its scopes say, of its own organisation, until it is revoked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from accounts import api_keys
from accounts.api_keys import UnknownScope, revoke_key
from accounts.models import ApiKey, Organisation, Scope, User
from sales.models import Scan, Ticket
from sales.tickets import code_of
from tests.helpers.admission import make_ticket
from tests.helpers.api_calls import assert_problem
from tests.helpers.api_keys import make_key, with_key

pytestmark = pytest.mark.django_db(transaction=True)

SCAN = "/api/v1/organiser/scan/"


@pytest.fixture
def ticket(seats: list[Any], fay: User) -> Ticket:
    return make_ticket(seats[0], fay)


def test_opens_what_its_scope_says(acme: Organisation, now: datetime, ticket: Ticket) -> None:
    key, secret = make_key(acme, now, "scan")
    answer = with_key(secret).post(SCAN, {"code": code_of(ticket), "gate": "West"})
    assert answer.status_code == 200, answer.content
    assert Scan.objects.get().by_id == key.user_id
    assert str(key.user) == "API key: Door app"


def test_answers_again_to_the_same_idempotency_key(
    acme: Organisation, now: datetime, ticket: Ticket
) -> None:
    api = with_key(make_key(acme, now, "orders:write")[1])
    url = f"/api/v1/organiser/orders/{ticket.order_id}/refund/"
    answers = [
        api.post(url, {"reason": "Called off"}, headers={"Idempotency-Key": "1"}) for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[1]["Idempotency-Replayed"] == "true"


def test_says_which_scope_it_lacks(acme: Organisation, now: datetime, ticket: Ticket) -> None:
    _, secret = make_key(acme, now, "orders:read", "events:read")
    problem = assert_problem(
        with_key(secret).post(SCAN, {"code": code_of(ticket)}), 403, "permission-denied"
    )
    assert "lacks the scope scan" in problem["detail"]
    assert "events:read, orders:read" in problem["detail"]
    assert not Scan.objects.exists()


def test_opens_nothing_of_another_organisation(
    rival: Organisation, now: datetime, ticket: Ticket
) -> None:
    api = with_key(make_key(rival, now, "scan", "orders:write")[1])
    assert_problem(api.post(SCAN, {"code": code_of(ticket)}), 404, "not-found")
    refund = f"/api/v1/organiser/orders/{ticket.order_id}/refund/"
    answer = api.post(refund, {"reason": "Mine"}, headers={"Idempotency-Key": "1"})
    assert_problem(answer, 404, "not-found")
    ticket.refresh_from_db()
    assert (ticket.state, ticket.admitted_at) == ("valid", None)


def test_is_no_fan(acme: Organisation, now: datetime, ticket: Ticket) -> None:
    """What asks for no scope takes no key, and an open page shows it what it shows everybody."""
    everything = [each.value for each in Scope]
    api = with_key(make_key(acme, now, *everything)[1])
    assert_problem(api.get("/api/v1/me/"), 403, "permission-denied")
    assert_problem(api.get("/api/v1/orders/"), 403, "permission-denied")
    assert_problem(api.get(f"/api/v1/tickets/{ticket.pk}/"), 403, "permission-denied")
    buying = {"seat": str(ticket.seat_id)}
    url = f"/api/v1/events/{ticket.event_id}/purchases/"
    answer = api.post(url, buying, headers={"Idempotency-Key": "1"})
    assert_problem(answer, 403, "permission-denied")


def test_shows_no_draft_without_a_scope(acme: Organisation, now: datetime, draft: Any) -> None:
    api = with_key(make_key(acme, now, "scan")[1])
    assert_problem(api.get(f"/api/v1/events/{draft.pk}/"), 404, "not-found")


def test_ends_when_it_is_revoked(acme: Organisation, now: datetime) -> None:
    key, secret = make_key(acme, now, "scan")
    api = with_key(secret)
    assert api.get(f"{SCAN}keys/").status_code == 200
    assert revoke_key(key_id=key.pk, actor=None, now=now)
    assert_problem(api.get(f"{SCAN}keys/"), 401, "not-authenticated")
    assert not revoke_key(key_id=key.pk, actor=None, now=now + timedelta(days=1))
    key.refresh_from_db()
    assert key.revoked_at == now


def test_ends_when_it_expires(acme: Organisation, now: datetime) -> None:
    _, past = make_key(acme, now, "scan", expires_at=now - timedelta(seconds=1))
    _, coming = make_key(acme, now, "scan", expires_at=now + timedelta(hours=1))
    assert_problem(with_key(past).get(f"{SCAN}keys/"), 401, "not-authenticated")
    assert with_key(coming).get(f"{SCAN}keys/").status_code == 200


@pytest.mark.parametrize("secret", ["ws_live_", "ws_live_unknown", "ws_live_a b", "ws_live_\xe9"])
def test_is_refused_when_nobody_knows_it(api: APIClient, secret: str) -> None:
    assert_problem(with_key(secret).get(f"{SCAN}keys/"), 401, "not-authenticated")


def test_is_stored_as_a_hash_only(acme: Organisation, now: datetime) -> None:
    key, secret = make_key(acme, now, "scan")
    assert secret.startswith("ws_live_")
    assert len(secret) == 48
    assert secret.startswith(key.prefix)
    assert secret not in str(ApiKey.objects.values().get())


def test_needs_scopes_that_there_are(acme: Organisation, now: datetime) -> None:
    with pytest.raises(UnknownScope, match="everything"):
        make_key(acme, now, "everything")
    assert not ApiKey.objects.exists()
    assert not User.objects.exists()


def test_is_read_with_one_query_and_written_once_a_minute(
    acme: Organisation, now: datetime, django_assert_num_queries: Any
) -> None:
    key, secret = make_key(acme, now, "scan")
    minute = timedelta(minutes=1)
    with django_assert_num_queries(2):
        api_keys.authenticate(secret=secret, now=now)
    with django_assert_num_queries(1):
        api_keys.authenticate(secret=secret, now=now + minute / 2)
    with django_assert_num_queries(2):
        api_keys.authenticate(secret=secret, now=now + minute)
    key.refresh_from_db()
    assert key.last_used_at == now + minute


def test_lets_in_also_when_its_use_cannot_be_noted(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = make_key(acme, now, "scan")

    def fail(*args: Any, **fields: Any) -> int:
        raise OperationalError("change conflicts with another transaction (OC000)")

    monkeypatch.setattr("django.db.models.query.QuerySet.update", fail)
    assert with_key(secret).get(f"{SCAN}keys/").status_code == 200
    monkeypatch.undo()
    assert ApiKey.objects.get().last_used_at is None
