"""The report of an event adds up to the ledger, whatever was sold, refunded and exchanged."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organisation, User
from sales.back_office.reports import Amounts, Key, apportion, report_of
from sales.books import check_books
from sales.models import Event, Order, PriceType, Seat, Ticket
from tests.helpers.cast import make_event
from tests.helpers.payments import paid
from tests.helpers.purchases import buy
from tests.helpers.returns import refund, swap

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


def test_tells_the_day_the_category_and_the_price_type(
    alice: User, fay: User, event: Event, seats: list[Seat]
) -> None:
    student = PriceType.objects.create(category=seats[0].category, name="Student", price_minor=3000)
    monday = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
    event.on_sale_at = monday - timedelta(days=1)
    event.save()
    Seat.objects.filter(event=event).update(changed_at=event.on_sale_at)
    buy(seats[0], fay, now=monday)
    buy(seats[1], fay, now=monday + timedelta(minutes=2), price_type_id=student.pk)
    report = report_of(event_id=event.pk)
    assert report.lines == {
        Key(monday.date(), "Front", "", "EUR"): Amounts(sold=1, gross_minor=4500),
        Key((monday + timedelta(days=1)).date(), "Front", "Student", "EUR"): Amounts(
            sold=1, gross_minor=3000
        ),
    }


def test_moves_an_exchange_to_the_new_category(alice: User, fay: User, seats: list[Seat]) -> None:
    order = paid(seats[:1], fay)
    swap(Ticket.objects.get(order=order), seats[6], alice, at_box_office=True)
    by_category = report_of(event_id=order.event_id).by_category()
    assert by_category["Front", ""] == Amounts()
    assert by_category["Back", ""] == Amounts(sold=1, gross_minor=2500)


def test_gives_a_refund_to_the_tickets_it_was_for(
    alice: User, fay: User, seats: list[Seat]
) -> None:
    order = paid([seats[0], seats[6]], fay)
    front = Ticket.objects.get(order=order, seat=seats[0])
    refund(order, alice, ticket_ids=[front.pk])
    refund(order, alice, amount_minor=100, key="more")
    report = report_of(event_id=order.event_id)
    by_category = report.by_category()
    assert by_category["Front", ""].refunds_minor == 4500
    assert by_category["Front", ""].returned == 1
    assert by_category["Back", ""].refunds_minor == 100
    assert report.total().net_minor == report.ledger_minor == 2400


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**5), min_size=1, max_size=9))
def test_shares_out_every_unit(amount: int, weights: list[int]) -> None:
    shares = apportion(amount, weights)
    assert sum(shares) == amount
    assert all(share >= 0 for share in shares)
    if sum(weights):
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share - amount * weight / sum(weights)) < 1


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "pay", "refund", "keep fees", "money", "exchange", "void"]),
        st.integers(0, 11),
        st.integers(0, 11),
    ),
    min_size=3,
    max_size=14,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=ACTS)
def test_adds_up_to_the_ledger_whatever_happens(
    acme: Organisation, alice: User, fay: User, acts: list[tuple[str, int, int]]
) -> None:
    event = make_event(acme, fee_minor=130, fee_basis_points=333, limit_per_fan=50)
    seats = list(event.seats.in_order().select_related("event", "category"))
    for number, (act, first, second) in enumerate(acts):
        do(act, seats[first], seats[second], alice, fay, f"{event.pk} {number}")
    report = report_of(event_id=event.pk)
    assert report.difference_minor == 0
    orders = Order.objects.filter(event=event, state__in=["paid", "cancelled"])
    assert report.ledger_minor == sum(o.total_minor - o.refunded_minor for o in orders)
    for sums in (report.by_day().values(), report.by_category().values()):
        assert sum(each.net_minor for each in sums) == report.ledger_minor
    assert report.total().refunds_minor >= 0
    valid = Ticket.objects.filter(event=event, state="valid").count()
    assert report.total().sold - report.total().returned == valid
    assert not check_books(event_id=event.pk)


def do(act: str, seat: Seat, other: Seat, alice: User, fay: User, key: str) -> None:
    """Do one thing, if it can be done."""
    seat.refresh_from_db()
    other.refresh_from_db()
    ticket = Ticket.objects.filter(seat=seat, state="valid").select_related("order").first()
    if ticket is None:
        if act == "buy" and seat.status == "available":
            buy(seat, fay)
        elif act == "pay" and seat.status == other.status == "available":
            paid(list({seat.pk: seat, other.pk: other}.values()), fay, key=key)
    elif act == "exchange" and other.status == "available":
        swap(ticket, other, alice, at_box_office=True, key=key)
    else:
        back(act, ticket, alice, key)


def back(act: str, ticket: Ticket, alice: User, key: str) -> None:
    order = ticket.order
    left = order.total_minor - order.refunded_minor
    what: dict[str, Any] = {"ticket_ids": [ticket.pk]}
    if act == "keep fees":
        what["keep_fees"] = True
    elif act == "money":
        what = {"amount_minor": min(left, 777)}
    elif act == "void":
        what["amount_minor"] = min(left, 1)
    elif act != "refund":
        return
    refund(order, alice, key=key, **what)


def test_is_a_page_and_a_file(
    client_as: ClientAs, alice: User, charlie: User, fay: User, seats: list[Seat]
) -> None:
    order = paid([seats[0], seats[6]], fay)
    path = f"/organise/events/{order.event_id}"
    page = client_as(alice).get(f"{path}/reports/").content.decode()
    assert "✓ The ledger says the same: 70.00 EUR" in page
    answer = client_as(alice).get(f"{path}/report.csv")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [(row["category"], row["net"], row["currency"]) for row in rows] == [
        ("Back", "25.00", "EUR"),
        ("Front", "45.00", "EUR"),
    ]
    for way in ("reports/", "report.csv"):
        assert client_as(charlie).get(f"{path}/{way}").status_code == 404
        assert client_as(fay).get(f"{path}/{way}").status_code == 403
