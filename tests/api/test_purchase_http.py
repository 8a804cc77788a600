"""Buying over real HTTP: a server, sockets, and everybody at once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from knox.models import get_token_model
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from sales.models import Event, Order, Seat, SeatStatus, Ticket
from tests.helpers.cast import PASSWORD, at_once, make_fans

pytestmark = pytest.mark.django_db(transaction=True)

BUYERS = 20


def test_sells_to_who_registers_logs_in_and_buys(
    live_server: LiveServer, event: Event, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The chart has just read what is taken; do not wait for that copy to grow old.
    monkeypatch.setattr("sales.occupancy.RENEW_AFTER", timedelta(0))
    with httpx.Client(base_url=f"{live_server.url}/api/v1") as http:
        dora = {"email": "dora@example.com", "password": PASSWORD}
        assert http.post("/auth/register", json={**dora, "name": "Dora"}).status_code == 201
        token = http.post("/auth/token", json=dora).json()["token"]
        http.headers["Authorization"] = f"Bearer {token}"
        found = http.get("/events/", params={"q": "opening"}).json()["results"][0]
        chart = http.get(f"/events/{found['id']}/plan/").json()
        first = chart["sections"][0]["rows"][0]["seats"][0]["id"]
        bought = http.post(
            f"/events/{found['id']}/purchases/",
            json={"seat": first},
            headers={"Idempotency-Key": "curl-1"},
        )
        assert bought.status_code == 201, bought.text
        assert http.get("/orders/").json()["results"] == [bought.json()]
        watched = http.get(f"/events/{found['id']}/availability/").json()
        assert watched["changed"] == [{"seat": first, "status": "sold"}]
        assert http.post("/auth/logout").status_code == 204
        assert http.get("/me/").status_code == 401
    assert first == str(seat.pk)


def test_sells_to_one_of_twenty(live_server: LiveServer, event: Event, seat: Seat) -> None:
    def buy(token: str, number: int) -> httpx.Response:
        return httpx.post(
            f"{live_server.url}/api/v1/events/{event.pk}/purchases/",
            json={"seat": str(seat.pk)},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"buyer-{number}"},
            timeout=60,
        )

    answers: list[Any] = at_once(
        [partial(buy, token, number) for number, token in enumerate(_tokens(make_fans(BUYERS)))]
    )

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {201: 1, 409: BUYERS - 1}, [answer.text for answer in answers]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(each["code"], *each["seats"]) for each in refused} == {("seat-taken", str(seat.pk))}
    ticket = Ticket.objects.get()
    winner = next(answer.json() for answer in answers if answer.status_code == 201)
    assert str(ticket.order_id) == winner["id"] == str(Order.objects.get().pk)
    seat.refresh_from_db()
    assert seat.status == SeatStatus.SOLD


def _tokens(fans: list[User]) -> list[str]:
    return [get_token_model().objects.create(user=fan)[1] for fan in fans]
