"""Holds over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import User
from sales.models import Event, Hold, PriceType, Seat
from tests.helpers.api_calls import ApiAs, assert_problem

pytestmark = pytest.mark.django_db(transaction=True)


def ask(api: Any, event: Event, *, key: str = "hold-1", **body: Any) -> Any:
    path = f"/api/v1/events/{event.pk}/holds/"
    return api.post(path, body, format="json", headers={"Idempotency-Key": key})


def test_holds_seats(api_as: ApiAs, fay: User, event: Event, seats: list[Seat]) -> None:
    Event.objects.update(fee_minor=50)
    child = PriceType.objects.create(category=seats[0].category, name="Child", price_minor=2000)
    wanted = [str(seats[1].pk), {"seat": str(seats[0].pk), "price_type": str(child.pk)}]
    answer = ask(api_as(fay), event, seats=wanted)
    assert answer.status_code == 201, answer.content
    held = answer.json()
    assert held["total"] == {"amount": 6600, "currency": "EUR"}
    assert held["fees"] == {"amount": 100, "currency": "EUR"}
    assert [(line["seat"]["label"], line["price_type"]) for line in held["seats"]] == [
        ("A-1", "Child"),
        ("A-2", ""),
    ]
    assert held["seats"][0]["price"]["amount"] == 2050
    assert api_as(fay).get(f"/api/v1/holds/{held['id']}/").json() == held


def test_answers_a_repeat_with_the_first_answer(
    api_as: ApiAs, fay: User, event: Event, seat: Seat
) -> None:
    api = api_as(fay)
    first = ask(api, event, seats=[str(seat.pk)])
    again = ask(api, event, seats=[str(seat.pk)])
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert Hold.objects.count() == 1
    assert_problem(ask(api, event, key="other", seats=[str(seat.pk)]), 409, "seat-taken")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seats": []},
        {"seats": ["00000000-0000-0000-0000-000000000001"], "best_available": {"quantity": 1}},
        {"best_available": {}},
        {"best_available": {"quantity": 0}},
        {"best_available": {"quantity": 101}},
        {"best_available": {"quantity": "2"}},
        {"best_available": {"quantity": True}},
        {"best_available": {"quantity": 2, "accessible": "yes"}},
        {"best_available": {"quantity": 2, "category": "A"}},
        {"best_available": {"quantity": 2, "row": "A"}},
        {"best_available": {"quantity": 1, "price_types": [str(UUID(int=1))] * 2}},
        {"best_available": [2]},
        {"seats": "all"},
        {"seats": [7]},
        {"seats": [None]},
        {"seats": [{"price_type": "x"}]},
        {"seats": ["00000000-0000-0000-0000-000000000001"] * 2},
        {"seats": [{"seat": "00000000-0000-0000-0000-000000000001", "row": "A"}]},
        {"seats": ["00000000-0000-0000-0000-000000000001"], "size": 2},
        {"seats": ["00000000-0000-0000-0000-000000000001"], "code": "x" * 41},
        {"seats": [f"00000000-0000-0000-0000-{number:012}" for number in range(101)]},
    ],
)
def test_refuses_what_makes_no_sense(
    api_as: ApiAs, fay: User, event: Event, body: dict[str, Any]
) -> None:
    assert_problem(ask(api_as(fay), event, **body), 400, "invalid")
    assert not Hold.objects.exists()


def test_extends_and_releases(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    api = api_as(fay)
    held = ask(api, event, seats=[str(seat.pk)]).json()
    path = f"/api/v1/holds/{held['id']}/"
    extended = api.post(f"{path}extend/").json()
    ends = [datetime.fromisoformat(each["expires_at"]) for each in (held, extended)]
    assert ends[0] < ends[1]
    assert [api.delete(path).status_code for _ in range(2)] == [204, 204]
    assert_problem(api.post(f"{path}extend/"), 410, "hold-expired")
    seat.refresh_from_db()
    assert seat.status == "available"


def test_says_that_a_hold_has_expired(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    api = api_as(fay)
    held = ask(api, event, seats=[str(seat.pk)]).json()
    Hold.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert_problem(api.post(f"/api/v1/holds/{held['id']}/extend/"), 410, "hold-expired")


def test_shows_a_hold_to_its_fan_alone(
    api_as: ApiAs, fay: User, alice: User, event: Event, seat: Seat
) -> None:
    held = ask(api_as(fay), event, seats=[str(seat.pk)]).json()
    path = f"/api/v1/holds/{held['id']}/"
    api = api_as(alice)
    for answer in (api.get(path), api.delete(path), api.post(f"{path}extend/")):
        assert_problem(answer, 404, "not-found")
    seat.refresh_from_db()
    assert seat.status == "held"


def test_asks_for_a_code(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    answer = ask(api_as(fay), event, seats=[str(seat.pk)], code="NONE")
    assert_problem(answer, 403, "code-required")


def test_holds_the_best_that_are_left(
    api_as: ApiAs, fay: User, event: Event, seats: list[Seat]
) -> None:
    api = api_as(fay)
    wish = {"quantity": 2, "category": str(seats[0].category_id)}
    answer = ask(api, event, best_available=wish)
    assert answer.status_code == 201, answer.content
    held = answer.json()
    assert [line["seat"]["label"] for line in held["seats"]] == ["A-3", "A-4"]
    assert held.pop("contiguous") is True
    assert api.get(f"/api/v1/holds/{held['id']}/").json() == held
    again = ask(api, event, best_available=wish)
    assert (again.json()["contiguous"], again["Idempotency-Replayed"]) == (True, "true")


def test_says_that_no_such_seats_are_left(api_as: ApiAs, fay: User, event: Event) -> None:
    Event.objects.update(limit_per_fan=100)
    api = api_as(fay)
    split = ask(api, event, key="all", best_available={"quantity": 12})
    assert split.json()["contiguous"] is False
    for _ in range(2):
        answer = ask(api, event, key="more", best_available={"quantity": 1})
        assert_problem(answer, 409, "no-seats-left")
    assert answer["Idempotency-Replayed"] == "true"
    wheelchair = {"quantity": 1, "accessible": True}
    assert_problem(ask(api, event, key="w", best_available=wheelchair), 409, "no-seats-left")


def test_knows_no_foreign_category_or_draft(
    api_as: ApiAs, fay: User, event: Event, draft: Event
) -> None:
    category = draft.categories.first()
    assert category
    wish = {"quantity": 1, "category": str(category.pk)}
    assert_problem(ask(api_as(fay), event, best_available=wish), 404, "not-found")
    assert_problem(ask(api_as(fay), draft, best_available={"quantity": 1}), 404, "not-found")
