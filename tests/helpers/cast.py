"""The people and things of the tests, and how to make more of them.

Alice owns acme and Bob works in its box office; Charlie belongs to rival and has no business
with acme; Fay is a fan. `tests/conftest.py` has them as fixtures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from django.db import connections
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import Membership, Organisation, Role, User
from accounts.scopes import everywhere
from sales.models import (
    Event,
    EventState,
    PriceCategory,
    Seat,
    SeatingPlan,
    Section,
    Venue,
)

__all__ = [
    "PASSWORD",
    "at_once",
    "make_event",
    "make_fans",
    "make_member",
    "make_organisation",
    "make_user",
]

T = TypeVar("T")

PASSWORD = "correct horse battery"

_number = count(1)


def make_user(name: str = "", **fields: Any) -> User:
    """Make a user, `<name>@example.com`, who logs in with PASSWORD."""
    name = name or f"user{next(_number)}"
    fields = {"email": f"{name}@example.com", "name": name.title(), "password": PASSWORD, **fields}
    return User.objects.create_user(**fields)


def make_fans(number: int) -> list[User]:
    """Make fans in one statement; they cannot log in, but may hold tokens."""
    return User.objects.bulk_create(
        [User(email=f"fan{next(_number)}@example.com", password="!") for _ in range(number)]
    )


def make_organisation(name: str) -> Organisation:
    """Make an organisation that nobody works for yet."""
    return Organisation.objects.create(name=name.title(), slug=slugify(name))


def make_member(name: str, organisation: Organisation, role: Role) -> User:
    """Make a user who works for an organisation."""
    user = make_user(name)
    Membership.objects.create(organisation=organisation, user=user, role=role)
    return user


def make_event(organisation: Organisation, **fields: Any) -> Event:
    """Make an event on sale with twelve seats: A-1 to A-6 for 45.00, B-1 to B-6 for 25.00.

    `rows` and `seats_a_row` make another floor; other fields go to the event as they are.
    """
    rows: str = fields.pop("rows", "AB")
    seats_a_row: int = fields.pop("seats_a_row", 6)
    now: datetime = timezone.now()
    name = fields.pop("name", f"Event {next(_number)}")
    venue = Venue.objects.create(organisation=organisation, name=f"Hall {next(_number)}")
    event = Event.objects.create(
        **{
            "organisation": organisation,
            "venue": venue,
            "plan": _make_plan(venue, rows, seats_a_row),
            "name": name,
            "slug": slugify(name),
            "state": EventState.PUBLISHED,
            "starts_at": now + timedelta(days=30),
            "on_sale_at": now - timedelta(hours=1),
            "off_sale_at": now + timedelta(days=29),
            "currency": "EUR",
            **fields,
        }
    )
    _make_seats(event, rows, seats_a_row, now - timedelta(hours=2))
    return event


def _make_plan(venue: Venue, rows: str, seats_a_row: int) -> SeatingPlan:
    plan = SeatingPlan.objects.create(
        organisation=venue.organisation,
        venue=venue,
        name=f"Plan {next(_number)}",
        width=300,
        height=200,
        categories=[{"name": "Front", "color": "#aa0000"}, {"name": "Back", "color": "#0000aa"}],
        seat_count=len(rows) * seats_a_row,
        digest=f"{next(_number):064x}",
    )
    zone = {
        "name": "Floor",
        "position": {"x": 0, "y": 0},
        "rows": [
            {
                "row_number": row,
                "row_number_position": "start",
                "position": {"x": 0, "y": 30 * at},
                "seats": [
                    {
                        "seat_guid": f"Floor-{row}-{number}",
                        "seat_number": str(number),
                        "position": {"x": 20 * number, "y": 0},
                        "category": _category_of(at),
                    }
                    for number in range(1, seats_a_row + 1)
                ],
            }
            for at, row in enumerate(rows)
        ],
        "areas": [],
    }
    Section.objects.create(plan=plan, name="Floor", zone_id="floor", position=0, layout=zone)
    return plan


def _category_of(row: int) -> str:
    return "Front" if row == 0 else "Back"


def _make_seats(event: Event, rows: str, seats_a_row: int, changed_at: datetime) -> None:
    categories = {
        name: PriceCategory.objects.create(
            event=event, name=name, color=color, price_minor=price, position=position
        )
        for position, (name, color, price) in enumerate(
            [("Front", "#aa0000", 4500), ("Back", "#0000aa", 2500)]
        )
    }
    Seat.objects.bulk_create(
        [
            Seat(
                event=event,
                category=categories[_category_of(at)],
                guid=f"Floor-{row}-{number}",
                section="Floor",
                row=row,
                number=str(number),
                x=20.0 * number,
                y=30.0 * at,
                position=at * seats_a_row + number,
                changed_at=changed_at,
            )
            for at, row in enumerate(rows)
            for number in range(1, seats_a_row + 1)
        ]
    )


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Run every call on a thread of its own, all let go at one instant.

    Returns what each returned or raised, in order; each thread's connection is closed. Raises what
    kept one from being ready; however long a busy machine takes to connect them, nobody goes first.
    """
    ready = threading.Barrier(len(calls))
    failed: list[Exception] = []

    @everywhere()
    def run(call: Callable[[], T]) -> T | Exception:
        try:
            try:
                connections["default"].ensure_connection()
            except Exception as error:
                failed.append(error)
                ready.abort()
            ready.wait()
            return call()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(run, calls))
    if failed:
        raise failed[0]
    return answers
