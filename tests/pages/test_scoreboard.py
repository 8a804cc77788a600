"""The scoreboard of a stampede, and who may see it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from sales.models import (
    Event,
    Seat,
    Shape,
    Stampede,
)
from tests.helpers.stampedes import NO, WAITS, YES, make_run

pytestmark = pytest.mark.django_db


def test_shows_retries_and_every_buyers_bar(client: Client, seat: Seat, now: datetime) -> None:
    run = make_run(seat, now, told=[NO, NO, NO, NO], why="The sale is paused.")
    page = client.get(reverse("sales:stampede", args=[run.pk])).content.decode()
    assert "<dt>Retries</dt><dd>6</dd>" in page  # 0 + 1 + 2 + 3
    assert page.count('<rect class="rejected" x=') == 4
    assert "Not sold, and nobody was told so" in page
    assert "<script" not in page  # it is over: nothing to wait for


def test_shows_what_the_witness_objects_to(client: Client, seat: Seat, now: datetime) -> None:
    run = make_run(seat, now, told=[YES, YES, NO, NO])
    page = client.get(reverse("sales:stampede", args=[run.pk])).content.decode()
    assert "Oversold: 1 too many" in page
    assert "2 buyers were told that A-1 is theirs." in page


def test_tells_while_it_runs(client: Client, seat: Seat, now: datetime) -> None:
    run = make_run(seat, now, told=[NO, YES, WAITS, WAITS], over=False)
    page = client.get(reverse("sales:stampede", args=[run.pk])).content.decode()
    assert "2 of 4 buyers have been told" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    live = client.get(reverse("sales:stampede-live", args=[run.pk])).json()
    assert (live["over"], live["done"], live["figures"]["retries"]) == (False, 2, 1)
    assert "2 of 4 buyers have been told" in live["html"]


def test_has_nothing_to_draw_before_the_start(client: Client, seat: Seat, now: datetime) -> None:
    run = make_run(seat, now, told=[WAITS, WAITS], over=False)
    response = client.get(reverse("sales:stampede", args=[run.pk]))
    assert response.status_code == 200
    assert 'class="bars"' not in response.content.decode()


@pytest.mark.parametrize("page", ["sales:stampede", "sales:stampede-live"])
def test_hides_the_runs_of_an_event_that_may_not_be_seen(
    client: Client, charlie: User, alice: User, draft: Event, now: datetime, page: str
) -> None:
    run = make_run(draft.seats.in_order()[0], now, told=[NO, NO])
    address = reverse(page, args=[run.pk])
    assert client.get(address).status_code == 404
    client.force_login(charlie)
    assert client.get(address).status_code == 404
    assert b"Secret Show" not in client.get(reverse("sales:stampede-list")).content
    client.force_login(alice)
    assert client.get(address).status_code == 200


def test_leads_to_the_newest_run(client: Client, seat: Seat, now: datetime) -> None:
    latest = reverse("sales:stampede-latest")
    assert client.get(latest).status_code == 404
    make_run(seat, now - timedelta(hours=1), told=[NO, NO])
    newest = make_run(seat, now, told=[NO, NO])
    assert client.get(latest)["Location"] == reverse("sales:stampede", args=[newest.pk])


def test_escapes_what_it_is_told(client: Client, seat: Seat, now: datetime) -> None:
    seat.event.name = "<script>alert(1)</script>"
    seat.event.save()
    run = make_run(seat, now, told=[NO, NO], over=False)
    for page in ("sales:stampede", "sales:stampede-live"):
        assert b"<script>alert" not in client.get(reverse(page, args=[run.pk])).content


def test_says_what_was_oversold_at_face_value(client: Client, seat: Seat, now: datetime) -> None:
    run = make_run(seat, now, told=[YES, YES, YES, NO])
    page = client.get(reverse("sales:stampede", args=[run.pk])).content.decode()
    assert "<dt>Oversold: 90.00 EUR at face value</dt><dd>2</dd>" in page


def test_draws_the_tries_for_one_seat_of_many(
    client: Client, seats: list[Seat], now: datetime
) -> None:
    run = make_run(seats[0], now, told=[YES, NO, NO, NO])
    Stampede.objects.update(seat=None, shape=Shape.HALL)
    run.attempts.filter(number=1).update(seat=seats[0])
    run.attempts.exclude(number=1).update(seat=seats[1])
    path = reverse("sales:stampede", args=[run.pk])
    page = client.get(path).content.decode()
    assert "Floor A-2: 3 buyers" in page
    assert page.count('<rect class="rejected" x=') == 3
    page = client.get(path, {"seat": str(seats[0].pk)}).content.decode()
    assert "The tries for Floor A-1" in page
    assert page.count('<rect class="rejected" x=') == 0
    assert page.count('<rect class="confirmed" x=') == 1
