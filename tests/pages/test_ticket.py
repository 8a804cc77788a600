"""The page of a ticket: what to show at the door, and a new code when it got about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from sales.models import Seat, Ticket, TicketState
from tests.helpers.admission import make_ticket

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def ticket(seat: Seat, fay: User) -> Ticket:
    return make_ticket(seat, fay)


def test_is_linked_from_the_order_and_shows_the_code(
    client_as: ClientAs, fay: User, ticket: Ticket
) -> None:
    client = client_as(fay)
    url = f"/tickets/{ticket.pk}/"
    assert url in client.get(f"/orders/{ticket.order_id}/").content.decode()
    page = client.get(url)
    assert "no-store" in page["Cache-Control"]
    text = page.content.decode()
    for rest in ("qr.svg", "ticket.pdf"):
        linked = f"/api/v1/tickets/{ticket.pk}/{rest}"
        assert linked in text
        assert client.get(linked).status_code == 200


def test_makes_a_new_code(client_as: ClientAs, fay: User, ticket: Ticket) -> None:
    url = f"/tickets/{ticket.pk}/"
    done = client_as(fay).post(f"{url}reissue/", follow=True)
    assert done.redirect_chain == [(url, 302)]
    assert "This is the new code." in done.content.decode()
    ticket.refresh_from_db()
    assert ticket.issue == 2


def test_has_no_code_when_it_is_void(client_as: ClientAs, fay: User, ticket: Ticket) -> None:
    Ticket.objects.update(state=TicketState.VOID, voided_at=timezone.now())
    client = client_as(fay)
    text = client.get(f"/tickets/{ticket.pk}/").content.decode()
    assert "This ticket is void" in text
    assert "qr.svg" not in text
    refused = client.post(f"/tickets/{ticket.pk}/reissue/", follow=True)
    assert "Nothing was changed." in refused.content.decode()


def test_is_nobody_elses(client_as: ClientAs, bob: User, charlie: User, ticket: Ticket) -> None:
    url = f"/tickets/{ticket.pk}/"
    assert Client().get(url)["Location"].startswith("/accounts/login/")
    assert client_as(charlie).get(url).status_code == 404
    assert client_as(charlie).post(f"{url}reissue/").status_code == 404
    assert client_as(bob).get(url).status_code == 200
    ticket.refresh_from_db()
    assert ticket.issue == 1
