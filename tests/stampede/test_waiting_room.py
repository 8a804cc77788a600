"""A stampede through the event's waiting room: who waits for how long, and in which order."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from sales.models import Event, QueuePlace, Stampede, Ticket
from sales.stampede.plan import CannotStampede
from sales.stampede.room import report_room
from sales.stampede.runner import run_share
from sales.stampede.settling import start_stampede
from tests.helpers.cast import at_once
from tests.helpers.crew import Crew
from tests.helpers.stampedes import Plan
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

REGIONS = ("us-east-1", "us-east-2")


def test_lets_buyers_in_one_after_another(
    workers: Crew, rush: Event, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nine of twelve seats, four a second; then seven for what is left."""
    wanted = {"event": "rush", "shape": "hall", "waiting_room": 240, "json": True}
    call_command("stampede", buyers=9, **wanted)
    report = json.loads(capsys.readouterr().out)
    assert (report["confirmed"], report["rejected"]) == (9, 0)
    assert report["witness"]["agree"]
    room = report["waiting_room"]
    assert room["rate_per_minute"] == 240
    assert room["joined"] == room["let_in"] == QueuePlace.objects.count() == 9
    assert room["fair"]
    assert report["notes"] == [], "who waits is not late"
    # The ninth is let in two seconds after the start.
    assert room["waited_max_ms"] > 2000

    # Who has had her turn is no new fan: another run takes others.
    call_command("stampede", buyers=7, **wanted)
    again = json.loads(capsys.readouterr().out)
    assert (again["confirmed"], again["rejected"]) == (3, 4)
    assert again["witness"]["agree"]
    assert again["waiting_room"]["joined"] == 7
    assert 3 <= again["waiting_room"]["let_in"] <= 7
    assert again["waiting_room"]["fair"]
    assert QueuePlace.objects.filter(admitted_at__isnull=False).count() >= 12
    assert Ticket.objects.filter(fan__in=QueuePlace.objects.values("fan_id")).count() == 12


def test_waits_over_http(plan: Plan, rush: Event, live_server: LiveServer) -> None:
    addresses = dict.fromkeys(REGIONS, live_server.url)
    planned = plan(buyers=6, contender="http", shape="hall", waiting_room=360, addresses=addresses)
    start_stampede(stampede_id=planned.pk, now=planned.created_at)
    shares = [partial(run_share, stampede_id=planned.pk, region=region) for region in REGIONS]
    assert at_once(shares) == [True, True]
    planned.refresh_from_db()
    assert planned.report
    assert (planned.report["confirmed"], planned.report["errors"]) == (6, 0)
    assert planned.report["waiting_room"]["let_in"] == 6
    assert planned.report["waiting_room"]["fair"]


def test_is_started_from_the_page_which_shows_it(
    client: Client, alice: User, rush: Event, workers: Crew
) -> None:
    client.force_login(alice)
    wanted = {"event": str(rush.pk), "shape": "hall", "buyers": "4", "contender": "dsql"}
    client.post("/stampedes/start/", {**wanted, "waiting_room": "600"})
    wait_until(lambda: Stampede.objects.get().report is not None, what="the report")
    page = client.get(reverse("sales:stampede", args=[Stampede.objects.get().pk])).content.decode()
    assert "Through the waiting room, 600 a minute" in page
    assert "in the order of joining" in page


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"contender": "read-committed", "waiting_room": 60}, "has no waiting room"),
        ({"buyers": 100, "waiting_room": 9}, "let in 10 a minute at least"),
        ({"waiting_room": -1}, "1 to 1,000,000 a minute"),
    ],
)
def test_refuses_a_room_that_cannot_be(plan: Plan, options: dict[str, Any], says: str) -> None:
    with pytest.raises(CannotStampede, match=says) as refused:
        plan(**options)
    assert refused.value.field == "waiting_room"
    assert not Stampede.objects.exists()


def test_asks_for_a_rate_where_there_is_a_room(plan: Plan, rush: Event) -> None:
    Event.objects.filter(pk=rush.pk).update(has_waiting_room=True)
    with pytest.raises(CannotStampede, match="has a waiting room: say how many"):
        plan()


def test_two_do_not_share_a_room(plan: Plan, rush: Event) -> None:
    plan(buyers=2, waiting_room=60)
    with pytest.raises(CannotStampede, match="Another stampede runs at the event"):
        plan(buyers=2, waiting_room=90, seat=rush.seats.get(guid="Floor-A-2"))
    assert rush.waiting_room.rate_per_minute == 60


def test_reports_who_was_let_in_before_her_turn(plan: Plan, rush: Event) -> None:
    """The sixth of six, at one in ten seconds, comes at once."""
    planned = plan(buyers=6, waiting_room=6)
    fans = list(planned.attempts.order_by("number").values_list("fan_id", flat=True))
    start = planned.starts_at = timezone.now()
    places = [
        QueuePlace(
            id=fan,
            room=rush.waiting_room,
            fan_id=fan,
            joined_at=start + timedelta(milliseconds=number),
            admitted_at=start + timedelta(seconds=10 * (number + 1)),
            draw=0.5,
        )
        for number, fan in enumerate(fans)
    ]
    QueuePlace.objects.bulk_create(places)
    kept = report_room(planned, fans)
    assert kept
    assert (kept["fair"], kept["early_ms"], kept["overtaken_ms"]) == (True, 0, 0)
    assert kept["waited_max_ms"] == pytest.approx(59_995)
    QueuePlace.objects.filter(pk=fans[-1]).update(admitted_at=start + timedelta(seconds=1))
    broken = report_room(planned, fans)
    assert broken
    assert (broken["fair"], broken["early_ms"]) == (False, 59_000)
    assert broken["overtaken_ms"] == 49_000
    # Others, who have not come within a minute of their turns, are moved past.
    QueuePlace.objects.filter(pk__in=fans[:5]).update(admitted_at=None)
    later = start + timedelta(seconds=115)
    QueuePlace.objects.filter(pk=fans[-1]).update(admitted_at=later)
    moved = report_room(planned, fans)
    assert moved
    assert moved["fair"]
    assert moved["let_in"] == 1
