"""Presale codes for organisers' programs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Organisation, Role, User
from sales.models import Event, PresaleCode
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import make_event, make_member

pytestmark = pytest.mark.django_db(transaction=True)


def path(event: Event, rest: str = "") -> str:
    return f"/api/v1/organiser/events/{event.pk}/presale-codes/{rest}"


def wanted(now: datetime, **changes: Any) -> dict[str, Any]:
    times = {"valid_from": now.isoformat(), "valid_until": (now + timedelta(days=1)).isoformat()}
    return {"text": "CLUB-", "number": 3, "cap": 2, **times, **changes}


def test_makes_lists_and_withdraws(api_as: ApiAs, alice: User, event: Event, now: datetime) -> None:
    alices = api_as(alice)
    made = alices.post(path(event), wanted(now), format="json")
    assert made.status_code == 201
    codes = made.json()["results"]
    assert (len(codes), codes[0]["cap"], codes[0]["withdrawn_at"]) == (3, 2, None)
    first = alices.get(path(event), {"limit": 2}).json()
    rest = alices.get(path(event), {"after": first["next_after"]}).json()
    listed = [*first["results"], *rest["results"]]
    assert [each["code"] for each in listed] == sorted(each["code"] for each in codes)
    assert {(each["sold"], each["held"]) for each in listed} == {(0, 0)}
    assert rest["next_after"] is None
    gone = alices.post(path(event, "withdraw/"), {"codes": [codes[0]["id"]]}, format="json")
    assert gone.json() == {"changed": 1}
    assert PresaleCode.objects.exclude(disabled_at=None).get().code == codes[0]["code"]


@pytest.mark.parametrize(
    "bad",
    [{"number": 2001}, {"cap": 0}, {"text": "no spaces"}, {"valid_until": "2026-01-01T00:00Z"}],
)
def test_refuses_what_can_be_no_code(
    api_as: ApiAs, alice: User, event: Event, now: datetime, bad: dict[str, Any]
) -> None:
    answer = api_as(alice).post(path(event), wanted(now, **bad), format="json")
    assert_problem(answer, 400, "invalid")
    assert not PresaleCode.objects.exists()


def test_others_see_and_change_nothing(
    api_as: ApiAs,
    acme: Organisation,
    alice: User,
    bob: User,
    charlie: User,
    rival: Organisation,
    event: Event,
    now: datetime,
) -> None:
    made = api_as(alice).post(path(event), wanted(now, number=1), format="json").json()
    ids = {"codes": [made["results"][0]["id"]]}
    before = list(PresaleCode.objects.values())
    vera = make_member("vera", acme, Role.VIEWER)
    for user, status, code in (
        (bob, 403, "permission-denied"),
        (vera, 403, "permission-denied"),
        (charlie, 404, "not-found"),
    ):
        api = api_as(user)
        assert_problem(api.get(path(event)), status, code)
        assert_problem(api.post(path(event), wanted(now), format="json"), status, code)
        assert_problem(api.post(path(event, "withdraw/"), ids, format="json"), status, code)
    theirs = make_event(rival, name="Theirs")
    answer = api_as(charlie).post(path(theirs, "withdraw/"), ids, format="json")
    assert answer.json() == {"changed": 0}
    assert list(PresaleCode.objects.values()) == before
