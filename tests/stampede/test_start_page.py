"""Starting and stopping a stampede from a page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organisation, Role, User
from sales.models import Event, Stampede
from tests.helpers.cast import make_event, make_member
from tests.helpers.crew import Crew
from tests.helpers.stampedes import Plan
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

START = "/stampedes/start/"


def fields(event: Event, **changes: Any) -> dict[str, Any]:
    return {
        "event": str(event.pk),
        "shape": "one-seat",
        "seat": "A-2",
        "buyers": "6",
        "contender": "dsql",
        **changes,
    }


def test_sends_the_buyers_off(
    client: Client, alice: User, rush: Event, event: Event, workers: Crew
) -> None:
    client.force_login(alice)
    page = client.get(START).content.decode()
    assert "Rush" in page
    assert "Opening Night" not in page  # it is no simulation
    assert START in client.get("/stampedes/").content.decode()
    answer = client.post(START, fields(rush))
    run = Stampede.objects.get()
    assert answer["Location"] == reverse("sales:stampede", args=[run.pk])
    assert (run.started_by, run.buyers, str(run.seat)) == (alice, 6, "Floor A-2")
    wait_until(lambda: Stampede.objects.get().report is not None, what="the report")
    report = Stampede.objects.get().report
    assert report
    assert report["confirmed"] == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seat": "Z-9"}, "has no seat"),
        ({"buyers": "5001"}, "5000"),
        ({"contender": "http"}, "not one of the available choices"),
        ({"shape": "spread", "buyers": "13"}, "13 buyers want a seat each, of 12"),
    ],
)
def test_says_what_cannot_be(
    client: Client, alice: User, rush: Event, workers: Crew, changes: dict[str, str], says: str
) -> None:
    client.force_login(alice)
    assert says in client.post(START, fields(rush, **changes)).content.decode()
    assert not Stampede.objects.exists()


def test_is_for_managers_of_the_organisation(
    client: Client, bob: User, charlie: User, rival: Organisation, rush: Event
) -> None:
    client.force_login(bob)  # works in the box office
    assert client.get(START).status_code == client.post(START, fields(rush)).status_code == 403
    make_event(rival, is_simulation=True)
    client.force_login(charlie)
    page = client.post(START, fields(rush)).content.decode()
    assert "not one of the available choices" in page
    assert not Stampede.objects.exists()


def test_is_stopped_by_a_manager(
    client: Client, acme: Organisation, alice: User, bob: User, charlie: User, plan: Plan
) -> None:
    run = plan(buyers=4)
    path = reverse("sales:stampede-stop", args=[run.pk])
    board = reverse("sales:stampede", args=[run.pk])
    for user in (bob, charlie):
        client.force_login(user)
        assert client.post(path).status_code in {403, 404}
        assert "Stop it" not in client.get(board).content.decode()
    assert Stampede.objects.get().stop_at is None
    client.force_login(make_member("mary", acme, Role.MANAGER))
    assert "Stop it" in client.get(board).content.decode()
    assert client.post(path).status_code == 302
    assert Stampede.objects.get().stop_at is not None
