"""The door list on the screen and on paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from sales.models import Seat
from sales.views.organise import door_list
from tests.helpers.admission import make_ticket, scan
from tests.helpers.cast import make_user

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


def rows_of(page: Any) -> str:
    """Return the rows alone: the random token of a form may hold any three letters."""
    return str(page.content.decode().partition("<tbody>")[2])


def test_sorts_by_name_and_by_seat_and_marks_who_is_in(
    client_as: ClientAs, bob: User, seats: list[Seat]
) -> None:
    zoe, ada = make_user("zoe"), make_user("ada")
    scan(make_ticket(seats[0], zoe), bob)
    make_ticket(seats[1], ada)
    client, path = client_as(bob), f"/organise/events/{seats[0].event_id}/door-list/"
    by_name = rows_of(client.get(path))
    assert by_name.index("Ada") < by_name.index("Zoe")
    by_seat = rows_of(client.get(path, {"by": "seat"}))
    assert by_seat.index("Zoe") < by_seat.index("Ada")
    assert by_seat.count("✓ ") == 1
    assert by_seat.count("☐") == 1


def test_lists_the_seats_of_one_name_in_their_order(
    client_as: ClientAs, bob: User, seats: list[Seat]
) -> None:
    ada = make_user("ada")
    for at in (7, 2, 9, 4):
        make_ticket(seats[at], ada)
    path = f"/organise/events/{seats[0].event_id}/door-list/"
    rows = client_as(bob).get(path).context["page"].rows
    assert [ticket.seat_id for ticket in rows] == [seats[at].pk for at in (2, 4, 7, 9)]


def test_goes_on_from_page_to_page_and_prints_all(
    client_as: ClientAs, bob: User, seats: list[Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_list, "_A_PAGE", 2)
    monkeypatch.setattr(door_list, "_A_PIECE", 2)
    for seat, name in zip(seats, ("eve", "dan", "cleo", "ben", "amy"), strict=False):
        make_ticket(seat, make_user(name))
    client, path = client_as(bob), f"/organise/events/{seats[0].event_id}/door-list/"
    for by, names in (("name", "Amy Ben Cleo Dan Eve"), ("seat", "Eve Dan Cleo Ben Amy")):
        seen, after = [], ""
        while True:
            page = client.get(path, {"by": by, "after": after}).context["page"]
            seen += [ticket.fan.name for ticket in page.rows]
            after = page.following
            if not after:
                break
        assert seen == names.split()
        printed = client.get(f"{path}print/", {"by": by}).getvalue().decode()
        places = [printed.index(name) for name in names.split()]
        assert places == sorted(places)
        assert printed.endswith("</html>\n")


def test_is_nobody_elses(client_as: ClientAs, charlie: User, seats: list[Seat]) -> None:
    path = f"/organise/events/{seats[0].event_id}/door-list/"
    for way in ("", "print/"):
        assert client_as(charlie).get(path + way).status_code == 404
