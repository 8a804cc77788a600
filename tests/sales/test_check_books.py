"""`manage.py check_books` says whether an event's books add up, and ends accordingly."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from sales.models import Event, LedgerEntry, Order, Seat
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)


def test_is_content_with_books_that_add_up(event: Event, seat: Seat, fay: User) -> None:
    buy(seat, fay)
    out = StringIO()
    call_command("check_books", event.slug, stdout=out)
    assert out.getvalue() == "The books of Opening Night add up.\n"


def test_names_the_orders_that_do_not(event: Event, seat: Seat, fay: User) -> None:
    buy(seat, fay)
    LedgerEntry.objects.update(amount_minor=1)
    err = StringIO()
    with pytest.raises(CommandError, match="do not add up: 1 faults"):
        call_command("check_books", event.slug, stderr=err)
    order = Order.objects.get().reference
    assert err.getvalue() == f"Order {order}: 1 charged in the ledger, and 4500 expected.\n"


def test_knows_no_other_event(db: None) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("check_books", "nowhere")
