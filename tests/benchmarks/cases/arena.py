"""Cases 6 and 7: an arena of 17,496 seats: its import, its prices, its plan, its pages."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from uuid import uuid4

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import Hall, make_hall
from tests.benchmarks.stage import Server, Stage

CASE = "arena"
TITLE = "An arena of 17,496 seats, and 100,000 seats in the admin"
ARENA = Path(__file__).parents[3] / "sales/data/plans/arena.json"
MANY_SEATS = 100_000


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Import, reprice, and look at it, round after round."""
    hall = make_hall(stage, seats=MANY_SEATS, fans=1)
    _order_all(stage, hall)
    with stage.serving(stage.programs().web) as server:
        for _ in stage.rounds(min(rounds, 2)):
            event = _import(found)
            _look(found, server, event)
            _administer(found, stage, hall)


def _note(found: Found, what: str, work: Callable[[], Any]) -> Any:
    began = perf_counter()
    told = work()
    found.add(CASE, what, "took", perf_counter() - began, "s")
    return told


def _import(found: Found) -> Any:
    from django.utils import timezone

    from sales.models import Event, Seat
    from sales.plans import Prices, import_plan, read_plan
    from tests.helpers.cast import make_event, make_organisation

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


def _order_all(stage: Stage, hall: Hall) -> None:
    """Write an order for each seat, by SQL: the fan of all of them is one."""
    stage.execute(
        "INSERT INTO sales_order (id, reference, event_id, fan_id, state, total_minor, fees_minor,"
        " refunded_minor, currency, region, created_at) SELECT md5('order' || i)::uuid,"
        " upper(substr(translate(md5('order' || i), '01', 'zy'), 1, 10)), %s, id, 'paid', 4500, 0,"
        " 0, 'EUR', 'us-east-1', now() - i * interval '1 second' FROM generate_series(0, %s) i,"
        " accounts_user WHERE email = 'bench0@example.com'",
        [hall.event, hall.seats - 1],
    )
    stage.execute("ANALYZE")


def _administer(found: Found, stage: Stage, hall: Hall) -> None:
    """Ask for the admin's lists as the owner of the hall does."""
    from django.test import Client

    from accounts.models import Role
    from sales.models import Event, Order, Seat
    from tests.helpers.cast import make_member
    from worldseat.keyset import Keyset

    event = Event.objects.select_related("organisation").get(pk=hall.event)
    client = Client(SERVER_NAME="localhost")
    client.force_login(make_member(uuid4().hex, event.organisation, Role.OWNER))
    seats, orders = "/admin/sales/seat/", "/admin/sales/order/"
    of_event = f"event__id__exact={event.pk}"
    middle = Seat.objects.order_by("event", "guid")[hall.seats // 2]
    deep = Keyset(Seat.objects.order_by("event", "guid")).after(middle)
    reference = Order.objects.values_list("reference", flat=True)[hall.seats // 2]
    for what, path in (
        ("a list of seats, first page", seats),
        ("a page in the middle of it", f"{seats}?p={deep}"),
        ("its last page", f"{seats}?p=last"),
        ("one event's, in the plan's order", f"{seats}?{of_event}"),
        ("filtered by status", f"{seats}?{of_event}&status__exact=available"),
        ("searched for a name", f"{seats}?q=Floor-777"),
        ("searched for a label", f"{seats}?{of_event}&q=15-12"),
        ("a list of orders, first page", orders),
        ("searched for a reference", f"{orders}?q={reference}"),
        ("the order desk, first page", "/organise/orders/"),
        ("the order desk, a reference", f"/organise/orders/?q={reference}"),
    ):
        client.get(path)  # its modules, its templates
        before = process_time() + stage.database_cpu().seconds
        answer = _note(found, f"admin: {what}", partial(client.get, path))
        work = process_time() + stage.database_cpu().seconds - before
        found.add(CASE, f"admin: {what}", "processor time", work, "s")
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
