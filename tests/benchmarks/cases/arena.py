"""Cases 6 and 7: an arena of 17,496 seats: its import, its prices, its plan, its pages."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import make_hall
from tests.benchmarks.stage import Server, Stage

CASE = "arena"
TITLE = "An arena of 17,496 seats, and 100,000 seats in the admin"
ARENA = Path(__file__).parents[3] / "sales/data/plans/arena.json"
MANY_SEATS = 100_000


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Import, reprice, and look at it, round after round."""
    make_hall(stage, seats=MANY_SEATS, fans=1)
    with stage.serving(stage.programs().web) as server:
        for _ in stage.rounds(min(rounds, 2)):
            event = _import(found)
            _look(found, server, event)
            _administer(found)


def _note(found: Found, what: str, work: Callable[[], Any]) -> Any:
    began = perf_counter()
    told = work()
    found.add(CASE, what, "took", perf_counter() - began, "s")
    return told


def _import(found: Found) -> Any:
    from django.utils import timezone

    from sales.models import Event, Seat
    from sales.plans import Prices, import_plan, read_plan
    from tests.cast import make_event, make_organisation

    name = uuid4().hex[:10]
    event = make_event(make_organisation(name), name=name, rows="A", seats_a_row=1)
    Seat.objects.filter(event=event).delete()
    Event.objects.filter(pk=event.pk).update(plan=None, state="draft")
    plan = _note(found, "reading and checking the plan's file", lambda: read_plan(ARENA))
    for what, price in (("importing it", 5000), ("giving all seats another price", 6000)):
        _note(
            found,
            what,
            partial(
                import_plan,
                event_id=event.pk,
                plan=plan,
                prices=Prices(default=price),
                now=timezone.now(),
            ),
        )
    Event.objects.filter(pk=event.pk).update(state="published")
    return event


def _look(found: Found, server: Server, event: Any) -> None:
    plan, page = f"/api/v1/events/{event.pk}/plan/", f"/events/{event.pk}/"
    answer = _note(found, "the plan over the API, cold", lambda: _get(server, plan))
    etag = answer[1]["ETag"]
    found.add(CASE, "the plan over the API, its size", "took", len(answer[2]) / 1e6, "MB")
    _note(found, "the plan, kept", lambda: _get(server, plan))
    status, _, _ = _note(found, "the plan, 304", lambda: _get(server, plan, etag))
    assert status == 304, status
    _note(found, "availability, cold", lambda: _get(server, f"{plan[:-5]}availability/"))
    for name, path in (("the event's page", page), ("the seat map", f"{page}map.svg")):
        _note(found, f"{name}, first", partial(_get, server, path))
        _note(found, f"{name}, again", partial(_get, server, path))


def _get(server: Server, path: str, etag: str = "") -> tuple[int, Any, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}")
    if etag:
        request.add_header("If-None-Match", etag)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return 304, error.headers, b""
        raise RuntimeError(f"{path}: {error.code} {json.dumps(str(error.read()[:300]))}") from None


def _administer(found: Found) -> None:
    from django.test import Client

    from tests.cast import make_user

    client = Client(SERVER_NAME="localhost")
    client.force_login(make_user(uuid4().hex, is_staff=True, is_superuser=True))
    for what, path in (
        ("the admin's list of seats", "/admin/sales/seat/"),
        ("the admin's list of seats, searched", "/admin/sales/seat/?q=Floor-777"),
        ("the admin's list of orders", "/admin/sales/order/"),
    ):
        answer = _note(found, what, partial(client.get, path, follow=True))
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
