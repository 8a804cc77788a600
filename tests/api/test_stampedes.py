"""Simulated on-sales over the API: who may start them, and at what."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Organisation, Role, User
from sales.models import Event, LedgerEntry, Stampede, StampedeState
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import make_event, make_member

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/stampedes/"


@pytest.fixture
def rush(acme: Organisation) -> Event:
    """Acme's event that is a simulation."""
    return make_event(acme, name="Rush", is_simulation=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that workers would get: they run, as far as the API can tell."""
    ids: list[str] = []
    monkeypatch.setattr("sales.api.stampedes.send_stampede.delay", ids.append)
    monkeypatch.setattr("sales.stampede.ordering.require_workers", lambda regions: None)
    return ids


@pytest.fixture
def manager(acme: Organisation, api_as: ApiAs) -> APIClient:
    """A client of acme's manager."""
    return api_as(make_member("mia", acme, Role.MANAGER))


def _body(event: Event, **more: Any) -> dict[str, Any]:
    seat = event.seats.get(guid="Floor-A-1")
    return {"event": str(event.pk), "seat": str(seat.pk), "buyers": 4, **more}


def test_starts_one_and_tells_how_far_it_is(
    manager: APIClient, rush: Event, sent: list[str]
) -> None:
    answer = manager.post(URL, _body(rush))
    assert answer.status_code == 202, answer.content
    told = answer.json()
    assert sent == [told["id"]]
    assert (told["state"], told["contender"], told["shape"]) == ("planned", "dsql", "one-seat")
    assert told["progress"]["buyers"] == 4
    assert told["progress"]["done"] == 0
    again = manager.get(f"{URL}{told['id']}/")
    assert again.json() == told
    assert Stampede.objects.get().started_by == User.objects.get(email="mia@example.com")


def test_takes_a_shape_instead_of_a_seat(manager: APIClient, rush: Event, sent: list[str]) -> None:
    body = {"event": str(rush.pk), "best_available": True, "contender": "read-committed"}
    told = manager.post(URL, body).json()
    assert (told["shape"], told["seat"]) == ("best-available", None)


def test_refuses_who_does_not_manage_the_organisation(
    api: APIClient,
    api_as: ApiAs,
    bob: User,
    charlie: User,
    fay: User,
    rush: Event,
    sent: list[str],
) -> None:
    assert_problem(api.post(URL, _body(rush)), 401, "not-authenticated")
    assert_problem(api_as(bob).post(URL, _body(rush)), 403, "permission-denied")
    for stranger in (charlie, fay):
        assert_problem(api_as(stranger).post(URL, _body(rush)), 404, "not-found")
    assert not Stampede.objects.exists()
    assert sent == []


def test_refuses_a_real_event(manager: APIClient, event: Event, sent: list[str]) -> None:
    problem = assert_problem(manager.post(URL, _body(event)), 400, "invalid")
    assert "is a real event" in problem["errors"]["event"][0]
    assert sent == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"contender": "oracle"}, "contender"),
        ({"contender": "http"}, "contender"),  # no server was named to us, and none may be
        ({"addresses": {"us-east-1": "http://10.0.0.1"}}, "addresses"),
        ({"faults": ["conflicts=1"]}, "faults"),
        ({"aws": True}, "aws"),
        ({"buyers": 5001}, "buyers"),
        ({"regions": ["mars-1"]}, "regions"),
        ({"shape": "hall"}, "seat"),
    ],
)
def test_refuses_what_it_does_not_take(
    manager: APIClient, rush: Event, sent: list[str], more: dict[str, Any], field: str
) -> None:
    problem = assert_problem(manager.post(URL, _body(rush, **more)), 400, "invalid")
    assert list(problem["errors"]) == [field]
    assert not Stampede.objects.exists()


def test_stops_one_for_its_managers_alone(
    manager: APIClient, api_as: ApiAs, bob: User, charlie: User, rush: Event, sent: list[str]
) -> None:
    url = f"{URL}{manager.post(URL, _body(rush)).json()['id']}/"
    assert_problem(api_as(bob).post(f"{url}stop/"), 403, "permission-denied")
    assert_problem(api_as(charlie).post(f"{url}stop/"), 404, "not-found")
    assert Stampede.objects.get().stop_at is None
    assert manager.post(f"{url}stop/").status_code == 202
    assert Stampede.objects.get().stop_at is not None


def test_lets_nobody_undo_what_was_sold(manager: APIClient, rush: Event, sent: list[str]) -> None:
    """There is no way from outside to reset a run or its ledger."""
    url = f"{URL}{manager.post(URL, _body(rush)).json()['id']}/"
    for method in ("put", "patch", "delete"):
        assert_problem(getattr(manager, method)(url), 405, "method-not-allowed")
    assert Stampede.objects.get().state == StampedeState.PLANNED
    assert not LedgerEntry.objects.exists()


def test_says_so_when_no_worker_is_there(
    manager: APIClient, rush: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.stampede.workers._served_queues", set)
    answer = manager.post(URL, _body(rush))
    assert_problem(answer, 503, "busy")
    assert answer["Retry-After"] == "5"
    assert not Stampede.objects.exists()


def test_hides_those_of_drafts(
    manager: APIClient, api_as: ApiAs, fay: User, rush: Event, sent: list[str]
) -> None:
    url = f"{URL}{manager.post(URL, _body(rush)).json()['id']}/"
    assert api_as(fay).get(url).status_code == 200
    Event.objects.update(state="draft")
    assert_problem(api_as(fay).get(url), 404, "not-found")
    assert manager.get(url).status_code == 200
