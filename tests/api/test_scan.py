"""The door over the API: who may scan, what is answered, what a scanner needs offline."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone
from knox.models import get_token_model
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from accounts.models import Role, User
from sales.models import Event, Scan, Seat, Ticket, TicketState
from sales.tickets import code_of, reissue
from tests.helpers.admission import forge, make_ticket
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import at_once, make_event, make_member

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/organiser/scan/"


@pytest.fixture
def ticket(seat: Seat, fay: User) -> Ticket:
    return make_ticket(seat, fay)


def scan(api: APIClient, ticket: Ticket, *, key: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(URL, {"code": code_of(ticket), **body}, headers=headers)


def test_admits_and_then_does_not(api_as: ApiAs, bob: User, ticket: Ticket) -> None:
    api = api_as(bob)
    answer = scan(api, ticket, gate="West", event=str(ticket.event_id))
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["outcome"], told["ticket"]) == ("admitted", str(ticket.pk))
    assert (told["holder"], told["seat"]["label"], told["gate"]) == ("Fay", "A-1", "West")
    again = assert_problem(scan(api, ticket, gate="East"), 409, "already-admitted")
    assert (again["admitted_at"], again["gate"]) == (told["at"], "West")
    logged = Scan.objects.order_by("scanned_at").values_list("outcome", "gate", "by")
    assert list(logged) == [
        ("admitted", "West", bob.pk),
        ("already-admitted", "East", bob.pk),
    ]


def test_answers_the_same_to_the_same_key(api_as: ApiAs, bob: User, ticket: Ticket) -> None:
    api = api_as(bob)
    first, again = scan(api, ticket, key="1"), scan(api, ticket, key="1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert_problem(scan(api, ticket, key="1", gate="East"), 422, "idempotency-key-reused")
    refused, refused_again = scan(api, ticket, key="2"), scan(api, ticket, key="2")
    assert assert_problem(refused, 409, "already-admitted") == refused_again.json()
    assert Scan.objects.count() == 2


def test_says_why_not(api_as: ApiAs, bob: User, ticket: Ticket, seats: list[Seat]) -> None:
    api = api_as(bob)
    elsewhere = make_event(ticket.event.organisation)
    assert_problem(scan(api, ticket, event=str(elsewhere.pk)), 409, "other-event")
    reissue(ticket_id=ticket.pk, user=bob, now=timezone.now())
    assert_problem(scan(api, ticket), 409, "ticket-superseded")
    now = timezone.now()
    Ticket.objects.update(state=TicketState.VOID, voided_at=now)
    told = assert_problem(scan(api, ticket), 409, "ticket-void")
    assert told["voided_at"]
    assert Counter(Scan.objects.values_list("outcome", flat=True)) == {
        "other-event": 1,
        "superseded": 1,
        "void": 1,
    }


def test_knows_what_is_no_code(api_as: ApiAs, bob: User, ticket: Ticket) -> None:
    api = api_as(bob)
    for code in ("hello", "", forge(ticket), 7, "A" * 500):
        assert_problem(api.post(URL, {"code": code}), 400, "invalid")
    assert_problem(scan(api, ticket, event="x"), 400, "invalid")
    assert_problem(scan(api, ticket, gates="West"), 400, "invalid")
    assert_problem(scan(api, ticket, event=str(uuid4())), 404, "not-found")
    assert not Scan.objects.exists()


def test_is_for_the_box_office(
    api: APIClient, api_as: ApiAs, fay: User, charlie: User, ticket: Ticket
) -> None:
    viewer = make_member("vera", ticket.event.organisation, Role.VIEWER)
    assert_problem(scan(api, ticket), 401, "not-authenticated")
    refused = f"/api/v1/organiser/events/{ticket.event_id}/refused-tickets/"
    for nobody in (fay, viewer):
        assert_problem(scan(api_as(nobody), ticket), 403, "permission-denied")
        assert_problem(api_as(nobody).get(f"{URL}keys/"), 403, "permission-denied")
        assert_problem(api_as(nobody).get(refused), 403, "permission-denied")
    assert_problem(scan(api_as(charlie), ticket), 404, "not-found")
    assert_problem(api_as(charlie).get(refused), 404, "not-found")
    ticket.refresh_from_db()
    assert ticket.admitted_at is None
    assert not Scan.objects.exists()


def test_admits_one_of_many_gates_at_once(
    live_server: LiveServer, bob: User, ticket: Ticket
) -> None:
    _, token = get_token_model().objects.create(user=bob)

    def at_gate(number: int) -> httpx.Response:
        return httpx.post(
            f"{live_server.url}{URL}",
            json={"code": code_of(ticket), "gate": f"Gate {number}"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    answers: list[Any] = at_once([partial(at_gate, number) for number in range(8)])
    assert Counter(each.status_code for each in answers) == {200: 1, 409: 7}
    (admitted,) = (each.json() for each in answers if each.status_code == 200)
    refused = [each.json() for each in answers if each.status_code == 409]
    assert {(each["code"], each["gate"]) for each in refused} == {
        ("already-admitted", admitted["gate"])
    }


def test_publishes_its_keys(api_as: ApiAs, bob: User) -> None:
    (key,) = api_as(bob).get(f"{URL}keys/").json()["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")


def test_lists_what_a_scanner_has_to_refuse(
    api_as: ApiAs, bob: User, fay: User, event: Event, seats: list[Seat]
) -> None:
    kept, reissued, cancelled = (make_ticket(seat, fay) for seat in seats[:3])
    begun = timezone.now()
    reissue(ticket_id=reissued.pk, user=fay, now=begun)
    Ticket.objects.filter(pk=cancelled.pk).update(
        state=TicketState.VOID, voided_at=begun + timedelta(minutes=1)
    )
    api, url = api_as(bob), f"/api/v1/organiser/events/{event.pk}/refused-tickets/"
    listed = api.get(url).json()["results"]
    assert [(each["ticket"], each["state"], each["issue"]) for each in listed] == [
        (str(reissued.pk), "valid", 2),
        (str(cancelled.pk), "void", 1),
    ]
    page = api.get(url, {"limit": 1}).json()
    assert page["results"] == listed[:1]
    assert api.get(page["next"]).json()["results"] == listed[1:]
    since = {"since": (begun + timedelta(seconds=1)).isoformat()}
    assert api.get(url, since).json()["results"] == listed[1:]
    assert str(kept.pk) not in str(listed)
    assert_problem(api.get(url, {"since": "yesterday"}), 400, "invalid")
