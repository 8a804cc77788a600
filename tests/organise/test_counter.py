"""Selling over the counter: the customer's order, the clerk's name, and fans who want the seats."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pypdfium2
import pytest
from django.test import Client

from accounts.models import AuditEntry, Role, User
from sales.models import (
    Allowance,
    BoxOfficeSale,
    Event,
    EventState,
    Order,
    Payment,
    PriceType,
    Seat,
    SeatStatus,
    Ticket,
)
from tests.helpers.cast import at_once, make_event, make_member
from tests.helpers.payments import assert_sound
from tests.helpers.purchases import buy
from tests.organise.forms import post

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


def sell(client: Client, seats: list[Seat], key: str = "", **fields: Any) -> Any:
    given = {"paid_by": "cash", "seat": [str(seat.pk) for seat in seats], **fields}
    return post(client, f"/organise/events/{seats[0].event_id}/box-office/", key, **given)


def test_sells_to_a_customer_and_keeps_who_sold_it(
    client_as: ClientAs, bob: User, seats: list[Seat]
) -> None:
    student = PriceType.objects.create(category=seats[0].category, name="Student", price_minor=3000)
    more: dict[str, Any] = {
        "name": "Ada Lovelace",
        "email": "Ada@Example.com",
        f"type-{seats[1].pk}": student.pk,
    }
    client = client_as(bob)
    answer = sell(client, seats[:2], **more)
    order = Order.objects.get()
    assert answer.url == f"/organise/orders/{order.pk}/"
    assert (order.fan.email, order.fan.name) == ("ada@example.com", "Ada Lovelace")
    assert not order.fan.has_usable_password()
    assert order.total_minor == 7500
    sale = BoxOfficeSale.objects.get(order=order)
    assert (sale.by, sale.paid_by) == (bob, "cash")
    payment = Payment.objects.get(order=order)
    assert (payment.provider, payment.state, payment.amount_minor) == (
        *("box_office", "captured"),
        7500,
    )
    assert AuditEntry.objects.get(action="order.sold_at_counter").actor == bob
    assert not Allowance.objects.filter(fan=bob).exists()
    assert "at the counter by bob@example.com" in client.get(answer.url).content.decode()
    assert_sound(seats[0].event)


def test_needs_no_name_and_no_address(
    client_as: ClientAs, bob: User, seats: list[Seat], event: Event
) -> None:
    client = client_as(bob)
    for seat in seats[:2]:
        assert sell(client, [seat]).status_code == 302
    first, second = Order.objects.order_by("created_at")
    assert first.fan != second.fan
    page = client.get(f"/organise/orders/{first.pk}/").content.decode()
    assert "Box office customer" in page
    assert ".invalid" not in page
    assert ".invalid" not in client.get("/organise/orders/").content.decode()


def test_gives_tickets_away(client_as: ClientAs, bob: User, seats: list[Seat]) -> None:
    client = client_as(bob)
    answer = sell(client, seats[:1], paid_by="comp")
    assert "Given away" in client.get(answer["Location"]).content.decode()
    ticket = Ticket.objects.get()
    assert (ticket.total_minor, ticket.price_type) == (0, "Complimentary")
    assert_sound(seats[0].event)


def test_no_limit_stops_it_and_the_customers_seats_count_as_hers(
    client_as: ClientAs, bob: User, fay: User, seats: list[Seat]
) -> None:
    sell(client_as(bob), seats[:6], email=fay.email)
    assert Allowance.objects.get(fan=fay).used == 6
    with pytest.raises(Exception, match="limit is 4"):
        buy(seats[6], fay)
    assert_sound(seats[0].event)


def test_sells_once_a_form(client_as: ClientAs, bob: User, seats: list[Seat]) -> None:
    key = uuid4().hex
    answers = at_once([lambda: sell(client_as(bob), seats[:2], key) for _ in range(2)])
    assert len({getattr(answer, "url", answer) for answer in answers}) == 1
    assert Order.objects.count() == 1


def test_says_which_seats_are_gone_and_keeps_the_others(
    client_as: ClientAs, bob: User, fay: User, seats: list[Seat]
) -> None:
    buy(seats[0], fay)
    answer = sell(client_as(bob), seats[:2], name="Ada")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody was faster: Floor A-1 is taken. Nothing was sold." in page
    assert f'data-seat="{seats[1].pk}"' in page
    assert f'data-seat="{seats[0].pk}"' not in page
    assert 'value="Ada"' in page
    assert Order.objects.count() == 1


def test_fans_and_clerks_want_the_same_seats(
    client_as: ClientAs, alice: User, bob: User, fay: User, charlie: User, seats: list[Seat]
) -> None:
    for first in (0, 2, 4):
        two = seats[first : first + 2]
        calls: list[Callable[[], Any]] = [
            partial(sell, client_as(alice), two),
            partial(sell, client_as(bob), two[::-1]),
            partial(buy, two[0], fay),
            partial(buy, two[1], charlie),
        ]
        at_once(calls)
        assert Ticket.objects.filter(seat__in=two, state="valid").count() in {1, 2}
        assert_sound(seats[0].event)
    sold = Seat.objects.filter(event=seats[0].event, status=SeatStatus.SOLD).count()
    assert Ticket.objects.count() == sold


@pytest.mark.parametrize("state", [EventState.DRAFT, EventState.PAUSED, EventState.CLOSED])
def test_sells_only_while_the_event_is_published(
    client_as: ClientAs, bob: User, event: Event, seats: list[Seat], state: EventState
) -> None:
    Event.objects.filter(pk=event.pk).update(state=state)
    answer = sell(client_as(bob), seats[:1])
    assert answer.status_code == 409
    assert f"The event is {state.label.lower()}. Nothing was sold." in answer.content.decode()
    assert not Order.objects.exists()


def test_chooses_the_best_available(client_as: ClientAs, bob: User, seats: list[Seat]) -> None:
    path = f"/organise/events/{seats[0].event_id}/box-office/"
    page = client_as(bob).get(path, {"best": "2", "category": str(seats[6].category_id)})
    chosen = [seat.label for seat, _ in page.context["lines"]]
    assert len(chosen) == 2
    assert all(label.startswith("B-") for label in chosen)
    assert "not as many" in client_as(bob).get(path, {"best": "99"}).content.decode()


def test_prints_the_tickets(
    client_as: ClientAs, bob: User, charlie: User, fay: User, seats: list[Seat]
) -> None:
    sell(client_as(bob), seats[:2])
    path = f"/organise/orders/{Order.objects.get().pk}/tickets.pdf"
    pdf = pypdfium2.PdfDocument(client_as(bob).get(path).content)
    assert len(pdf) == 2
    assert ".invalid" not in pdf[0].get_textpage().get_text_range()
    for nobody, status in ((charlie, 404), (fay, 403)):
        assert client_as(nobody).get(path).status_code == status


def test_is_for_the_box_office_of_this_organisation(
    client_as: ClientAs, charlie: User, fay: User, seats: list[Seat]
) -> None:
    vera = make_member("vera", seats[0].event.organisation, Role.VIEWER)
    for nobody, status in ((charlie, 404), (vera, 403), (fay, 403)):
        assert sell(client_as(nobody), seats[:1]).status_code == status
    rivals = make_event(charlie.memberships.get().organisation)
    theirs = list(rivals.seats.in_order())
    mixed = post(
        client_as(charlie),
        f"/organise/events/{rivals.pk}/box-office/",
        paid_by="cash",
        seat=[str(theirs[0].pk), str(seats[0].pk)],
    )
    assert mixed.status_code == 409
    assert not Order.objects.exists()
