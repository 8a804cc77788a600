"""The dashboard of a sale: true, cheap however many watch, and nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from sales.back_office.live import live_of, seat_news
from sales.contention import Contention, contention_of, counts_conflicts
from sales.models import Event, Order, Seat
from sales.seats import SeatTaken
from tests.helpers.cast import at_once
from tests.helpers.payments import hold, paid
from tests.helpers.purchases import buy, meeting_at
from tests.helpers.returns import refund
from tests.organise.forms import post
from worldseat.dsql.occ import occ_retry

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]

# Later than any copy that is kept.
SOON = timedelta(seconds=2)


def test_tells_what_is_sold_held_and_left(
    alice: User, fay: User, charlie: User, seats: list[Seat]
) -> None:
    order = paid([seats[0], seats[6]], fay)
    hold(seats[1:3], charlie)
    refund(order, alice, amount_minor=500)
    live = live_of(event_id=order.event_id, now=timezone.now() + SOON)
    front, back = live.categories
    assert (front.name, front.sold, front.held, front.available) == ("Front", 1, 2, 3)
    assert (back.name, back.sold, back.held, back.available) == ("Back", 1, 0, 5)
    assert (live.all.sold, live.all.seats) == (2, 12)
    assert live.net_minor == 6500
    assert sum(number for _, number in live.tickets_by_minute) == 2
    assert len(live.tickets_by_minute) == len(live.contention) == 60


def test_ten_who_watch_cost_as_one(
    client_as: ClientAs, alice: User, fay: User, seats: list[Seat]
) -> None:
    buy(seats[0], fay)
    event_id, now = seats[0].event_id, timezone.now() + SOON
    live_of(event_id=event_id, now=now)
    later = now + SOON
    with CaptureQueriesContext(
        connection,
    ) as first:
        live_of(event_id=event_id, now=later)
    own = [q["sql"] for q in first if "sales_ticket" in q["sql"] or "sales_ledger" in q["sql"]]
    assert len(own) == 2
    with CaptureQueriesContext(connection) as others:
        for tenth in range(1, 10):
            live_of(event_id=event_id, now=later + timedelta(milliseconds=100 * tenth))
    assert len(others) == 0


def test_tells_news_of_seats_from_a_cursor_on(fay: User, seats: list[Seat]) -> None:
    event_id = seats[0].event_id
    buy(seats[0], fay)
    now = timezone.now() + timedelta(minutes=2)
    first = seat_news(event_id=event_id, since="", now=now)
    assert [(pk, status) for pk, status, _ in first.changed] == [(str(seats[0].pk), "sold")]
    assert seat_news(event_id=event_id, since=first.cursor, now=now).changed == []
    buy(seats[1], fay, now=now)
    news = seat_news(event_id=event_id, since=first.cursor, now=now + SOON)
    assert [pk for pk, _, _ in news.changed] == [str(seats[1].pk)]
    for nonsense in ("x", "9" * 30, "-1"):
        assert seat_news(event_id=event_id, since=nonsense, now=now + SOON).changed


def test_counts_the_conflicts_of_a_sale(
    event: Event, seats: list[Seat], instant_retries: None
) -> None:
    lost = iter([True, True, False])

    @counts_conflicts()
    @occ_retry(repeatable=True)
    def sell(*, event_id: Any, give_up: bool = False) -> None:
        if give_up or next(lost):
            raise OperationalError("change conflicts with another transaction (OC000)")

    sell(event_id=event.pk)
    assert counted(event.pk) == Contention(2, 0)
    with pytest.raises(OperationalError):
        sell(event_id=event.pk, give_up=True)
    assert counted(event.pk) == Contention(14, 1)
    assert counted(uuid4()) == Contention(0, 0)


def counted(event_id: UUID) -> Contention:
    """Return what was counted of an event; a minute may end while a test runs."""
    minutes = contention_of(event_id=event_id, now=timezone.now())
    return Contention(*(sum(numbers) for numbers in zip(*minutes, strict=True)))


def test_a_fight_for_a_seat_shows(event: Event, seat: Seat, fay: User, charlie: User) -> None:
    """Both have read that the seat is free before either takes it."""
    cache.clear()
    both_have_read = threading.Barrier(2)
    meet = partial(meeting_at, partial(both_have_read.wait, 60), 'UPDATE "sales_seat"')
    told = at_once([partial(meet, partial(buy, seat, fan)) for fan in (fay, charlie)])
    assert {type(each) for each in told} == {Order, SeatTaken}
    assert counted(event.pk) == Contention(1, 0)


def test_is_a_page_that_redraws_itself(
    client_as: ClientAs, alice: User, bob: User, fay: User, seats: list[Seat]
) -> None:
    buy(seats[0], fay)
    path = f"/organise/events/{seats[0].event_id}/dashboard/"
    page = client_as(alice).get(path).content.decode()
    assert "Pause the sale" in page
    assert "45.00 EUR" in page
    assert "Pause the sale" not in client_as(bob).get(path).content.decode()
    news = client_as(bob).get(f"{path}live/").json()
    assert set(news["parts"]) == {"figures", "categories", "minutes", "takings", "conflicts"}
    assert [seat[:2] for seat in news["seats"]] == [[str(seats[0].pk), "sold"]]


def test_is_nobody_elses(client_as: ClientAs, charlie: User, fay: User, seats: list[Seat]) -> None:
    path = f"/organise/events/{seats[0].event_id}/dashboard/"
    for way in ("", "live/"):
        assert client_as(charlie).get(path + way).status_code == 404
        assert client_as(fay).get(path + way).status_code == 403
        assert Client().get(path + way).status_code == 302
    assert post(client_as(charlie), path).status_code == 405
