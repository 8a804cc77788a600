"""Finding orders, and reading one, as an organiser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from sales.back_office import finding
from sales.models import Event, Order, Seat, Ticket
from sales.tickets import code_of
from tests.helpers.admission import scan
from tests.helpers.cast import make_event, make_member, make_user
from tests.helpers.payments import paid
from tests.helpers.purchases import buy
from tests.helpers.returns import refund

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def order(seats: list[Seat], fay: User) -> Order:
    """Fay's order of A-1 and A-2."""
    return referred_to(paid(seats[:2], fay), "2345678923")


@pytest.fixture
def other(seats: list[Seat]) -> Order:
    """Gus's order of B-1."""
    sold = buy(seats[6], make_user("gus"))
    assert isinstance(sold, Order)
    return referred_to(sold, "9876543298")


def referred_to(order: Order, reference: str) -> Order:
    """Give an order a reference: one by chance may begin with somebody's name."""
    Order.objects.filter(pk=order.pk).update(reference=reference)
    order.refresh_from_db()
    return order


def found(client: Client, **query: Any) -> list[str]:
    page = client.get("/organise/orders/", query)
    assert page.status_code == 200
    return [order.reference for order in page.context["page"].rows]


def test_lists_the_newest_first(
    client_as: ClientAs, alice: User, order: Order, other: Order
) -> None:
    assert found(client_as(alice)) == [other.reference, order.reference]


def test_finds_what_people_say(client_as: ClientAs, bob: User, order: Order, other: Order) -> None:
    client = client_as(bob)
    ticket = Ticket.objects.select_related("event").filter(order=order).earliest("seat__position")
    for words in (
        *("fay", "FAY", "fay@example.com", "Fay@", order.reference, order.reference[:5].lower()),
        *(
            "A-1",
            "a-2",
            "Floor A-1",
            "floor, a-2",
            "Floor-A-1",
            code_of(ticket),
            str(order.pk),
            str(ticket.pk),
        ),
    ):
        assert found(client, q=words) == [order.reference], words
    assert found(client, q="gus") == [other.reference]
    for words in ("A-3", "Balcony A-1", "nobody", "x@example.com", "\0", "%"):
        assert found(client, q=words) == (
            [] if words != "\0" else [other.reference, order.reference]
        )


def test_finds_people_by_how_their_names_begin(
    client_as: ClientAs, bob: User, order: Order, other: Order
) -> None:
    client = client_as(bob)
    User.objects.filter(pk=order.fan_id).update(name="Fay Ann Lovelace")
    for words in ("fay", "lovel", "Fay Ann", "fay ann love", "Lovelace Fay"):
        assert found(client, q=words) == [order.reference], words
    for words in ("ann", "velace", "fay gus"):
        assert found(client, q=words) == [], words


def test_reads_labels_in_the_latest_events_and_in_the_one_asked_for(
    client_as: ClientAs, bob: User, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, event = client_as(bob), order.event
    make_event(event.organisation, starts_at=event.starts_at + timedelta(days=1))
    assert found(client, q="A-1") == [order.reference]
    monkeypatch.setattr(finding, "_LABELS_IN", 1)
    assert found(client, q="A-1") == []
    assert found(client, q="A-1", event=str(event.pk)) == [order.reference]
    assert found(client, q="Floor-A-1") == [order.reference]  # the plan's name has an index


@pytest.mark.parametrize("apart", [0, 50])
def test_mixes_the_orders_of_events_by_time(
    client_as: ClientAs,
    bob: User,
    order: Order,
    other: Order,
    monkeypatch: pytest.MonkeyPatch,
    apart: int,
) -> None:
    monkeypatch.setattr(finding, "A_PAGE", 2)
    monkeypatch.setattr(finding, "_APART", apart)
    matinee = make_event(order.event.organisation, name="Matinée")
    between = buy(matinee.seats.in_order()[0], order.fan)
    assert isinstance(between, Order)
    Order.objects.filter(pk=between.pk).update(
        created_at=order.created_at + (other.created_at - order.created_at) / 2
    )
    client = client_as(bob)
    page = client.get("/organise/orders/").context["page"]
    assert [each.pk for each in page.rows] == [other.pk, between.pk]
    assert found(client, after=page.following) == [order.reference]


@pytest.mark.parametrize("query", [{}, {"q": "fay"}, {"q": "A-1"}, {"state": "paid"}])
def test_reads_no_more_orders_than_a_page(
    client_as: ClientAs, bob: User, order: Order, query: dict[str, str]
) -> None:
    client = client_as(bob)
    with CaptureQueriesContext(connection) as asked:
        client.get("/organise/orders/", query)
    about = [each["sql"] for each in asked if 'FROM "sales_order"' in each["sql"]]
    assert len(about) == 2
    keys, loaded = about
    assert keys.count("LIMIT 51") == keys.count("UNION") + (2 if "UNION" in keys else 1)
    assert '"sales_order"."id" IN (' in loaded


def test_narrows_by_event_state_and_day(
    client_as: ClientAs, bob: User, order: Order, other: Order
) -> None:
    client = client_as(bob)
    matinee = make_event(order.event.organisation, name="Matinée")
    assert found(client, event=str(matinee.pk)) == []
    assert found(client, event=str(order.event_id), state="paid") == [
        other.reference,
        order.reference,
    ]
    assert found(client, state="cancelled") == []
    first, last = order.created_at.date(), other.created_at.date()  # two, at midnight
    assert len(found(client, since=first, until=last)) == 2
    assert found(client, until=first - timedelta(days=1)) == []
    assert found(client, since=last + timedelta(days=1)) == []
    page = client.get("/organise/orders/", {"since": "yesterday"})
    assert "Not understood" in page.content.decode()


def test_goes_on_from_page_to_page(
    client_as: ClientAs, bob: User, order: Order, other: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "A_PAGE", 1)
    client = client_as(bob)
    first = client.get("/organise/orders/")
    assert [each.reference for each in first.context["page"].rows] == [other.reference]
    assert found(client, after=first.context["page"].following) == [order.reference]


def test_finds_nothing_of_another_organisation(
    client_as: ClientAs, charlie: User, order: Order
) -> None:
    client = client_as(charlie)
    ticket = Ticket.objects.select_related("event").filter(order=order)[0]
    for words in (
        "",
        "fay",
        order.reference,
        "A-1",
        code_of(ticket),
        str(order.pk),
        str(ticket.pk),
    ):
        assert found(client, q=words) == []
    assert client.get("/organise/orders/", {"event": str(order.event_id)}).status_code == 404
    assert client.get(f"/organise/orders/{order.pk}/").status_code == 404


def test_shows_the_whole_file(client_as: ClientAs, bob: User, order: Order) -> None:
    ticket = Ticket.objects.select_related("event").filter(order=order).earliest("seat__position")
    scan(ticket, bob, gate="West")
    refund(order, bob, amount_minor=500, reason="Obstructed view")
    page = client_as(bob).get(f"/organise/orders/{order.pk}/").content.decode()
    for told in (
        *(order.reference, "fay@example.com", "Floor, A-1", "Floor, A-2", "90.00 EUR"),
        *("“Obstructed view”", "-5.00 EUR", "85.00 EUR", "gate West", "Admitted", "Captured"),
    ):
        assert told in page, told


def test_may_be_read_by_a_viewer(client_as: ClientAs, event: Event, order: Order) -> None:
    vera = make_member("vera", event.organisation, Role.VIEWER)
    page = client_as(vera).get(f"/organise/orders/{order.pk}/")
    assert page.status_code == 200
    assert not page.context["acts"]
