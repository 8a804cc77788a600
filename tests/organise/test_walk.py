"""Every URL of the organisers' pages, the door and their API, as every role and as others.

The URLs are those of the URL conf, so one that is added tomorrow is walked too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from django.db.models import Model
from django.http import HttpResponseBase
from django.test import Client
from rest_framework.test import APIClient

from accounts.api_keys import add_key
from accounts.models import ApiKey, Organisation, Role, Scope, User
from sales.models import (
    BulkJob,
    Event,
    Order,
    PresaleCode,
    Seat,
    SeatingPlan,
    Ticket,
    Venue,
    WebhookDelivery,
    WebhookEndpoint,
)
from sales.organising.operations import Operation
from tests.helpers.belongings import rows_of
from tests.helpers.bulk_jobs import plan
from tests.helpers.cast import make_event, make_member
from tests.helpers.every_page import paths, patterns
from tests.helpers.tenant_rows import SECRET

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

WALKED = ("organise/", "door/", "api/v1/organiser/")
Rows: TypeAlias = dict[type[Model], Model]
ApiAs = Callable[[User], APIClient]
Answers = Iterator[tuple[str, HttpResponseBase]]

# What tells nothing of anybody's: it is the same for who may open it, whoever she is.
SAME_FOR_ALL = ("/worker.js", "/sample.csv", "/scan/keys/", "/manifest.webmanifest")


def routes(beginning: str = "") -> list[str]:
    """Return the routes that are walked."""
    found = patterns(leave_out=("admin/",))
    return [route for route in found if route.startswith(WALKED) and route.startswith(beginning)]


def values_of(rows: Mapping[type[Model], Model]) -> dict[str, Sequence[Any]]:
    """Return what stands for the parameters of the paths."""
    models = {
        "event_id": Event,
        "order_id": Order,
        "ticket_id": Ticket,
        "job_id": BulkJob,
        "plan_id": SeatingPlan,
        "venue_id": Venue,
        "endpoint_id": WebhookEndpoint,
        "webhook_id": WebhookEndpoint,
        "delivery_id": WebhookDelivery,
    }
    return {name: [rows[model].pk] for name, model in models.items()}


def form_of(rows: Rows, now: datetime) -> dict[str, Any]:
    """Return what fills in most forms, and names these rows by every name that a field has."""
    instants = {
        "starts_at": now + timedelta(days=60),
        "on_sale_at": now,
        "off_sale_at": now + timedelta(days=59),
        "valid_from": now,
        "valid_until": now + timedelta(days=1),
        "opens_at": now,
    }
    return {
        **{name: f"{instant:%Y-%m-%dT%H:%M}" for name, instant in instants.items()},
        **{str(model._meta.model_name): str(row.pk) for model, row in rows.items()},
        "key": uuid4().hex,
        "name": "Mine",
        "price": "1.00",
        "color": "#112233",
        "currency": "EUR",
        "limit_per_fan": "2",
        "hold_minutes": "5",
        "hold_limit_minutes": "9",
        "fee": "0.00",
        "fee_percent": "0",
        "rate_per_minute": "5",
        "pass_minutes": "5",
        "window_minutes": "5",
        "order": "first_come",
        "text": "MINE-",
        "number": "1",
        "url": "https://hooks.example.com/",
        "email": "mine@example.com",
        "paid_by": "cash",
        "amount": "1.00",
        "reason": "Mine",
        "operation": "block",
        "kind": "block",
        "seats": str(rows[Seat].pk),
        "code": str(rows[PresaleCode].pk),
        "organisation": str(rows[Organisation].pk),
    }


def walk_pages(client: Client, rows: Rows, now: datetime) -> Answers:
    """Ask every page by GET, then by POST."""
    client.raise_request_exception = False
    walked = [path for route in routes() for path in paths(route, values_of(rows))]
    walked = [path for path in walked if not path.startswith("/api/")]
    for path in walked:
        yield f"GET {path}", client.get(path)
    for path in sorted(walked, key=_leaves_most):
        yield f"POST {path}", client.post(path, form_of(rows, now))


def walk_api(api: APIClient, rows: Rows, now: datetime) -> Answers:
    """Ask every operation of the organisers' API by every method."""
    api.raise_request_exception = False
    walked = [path for route in routes("api/") for path in paths(route, values_of(rows))]
    for method in ("GET", "POST", "PATCH", "DELETE"):
        for path in sorted(walked, key=_leaves_most):
            headers = {"Idempotency-Key": uuid4().hex}
            body = None if method == "GET" else body_of(path, method, rows, now)
            answer = api.generic(
                method,
                path,
                data=_json(body),
                content_type="application/json",
                headers=headers,
            )
            yield f"{method} {path}", answer


def _json(body: Any) -> str:
    return "" if body is None else json.dumps(body)


def body_of(path: str, method: str, rows: Rows, now: datetime) -> dict[str, Any]:
    """Return a body that the operation at a path takes; nothing where it takes none."""
    later, until = now + timedelta(days=60), now + timedelta(days=59)
    times = {"starts_at": str(later), "on_sale_at": str(now), "off_sale_at": str(until)}
    ticket, seat = str(rows[Ticket].pk), str(rows[Seat].pk)
    scan = {"id": str(uuid4()), "code": "WS1.none", "at": now.isoformat(), "told": "admitted"}
    scanner = {"id": str(uuid4()), "name": "Mine", "time": now.isoformat(), "waiting": 0}
    bodies: dict[str, dict[str, Any]] = {
        r"POST .*/refund/": {"tickets": [ticket], "reason": "Mine"},
        r"POST .*/exchange/": {"seat": seat},
        r"POST .*/scans/": {"scanner": scanner, "gate": "Mine", "scans": [scan]},
        r"POST .*/venues/": {"name": "Mine"},
        r"POST .*organiser/events/": {
            "venue": str(rows[Venue].pk),
            "name": "Mine",
            "currency": "EUR",
            **times,
        },
        r"PATCH .*events/[^/]+/": {"name": "Mine"},
        r"POST .*/duplicate/": {"name": "Mine", **times},
        r"PATCH .*/seats/": {"filter": {"seats": [seat]}, "set": {"blocked": True, "reason": "M"}},
        r"POST .*/presale-codes/": {
            "text": "MINE",
            "valid_from": str(now),
            "valid_until": str(until),
        },
        r"POST .*/withdraw/": {"codes": [str(rows[PresaleCode].pk)]},
        r"PATCH .*/(queue|waitlist)/": {"is_on": True},
        r"POST .*/webhooks/": {"url": "https://hooks.example.com/"},
        r"PATCH .*/webhooks/[^/]+/": {"description": "Mine"},
        r"POST .*/scan/": {"code": "WS1.none"},
    }
    asked = f"{method} {path}"
    return next((body for pattern, body in bodies.items() if re.fullmatch(pattern, asked)), {})


def _leaves_most(path: str) -> tuple[int, str]:
    """Sort what closes and deletes behind what changes, so that there is something to change."""
    words = ("close", "delete", "discard", "move", "exchange", "refund")
    return sum(word in path for word in words), path


def text_of(answer: Any) -> str:
    """Return what an answer says."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(body.decode("utf-8", "replace"))


def told_of(walked: Answers) -> tuple[list[str], set[str]]:
    """Return where an answer says SECRET, and what was answered with success; none may fail."""
    leaks, opened, failed = [], set(), []
    for asked, answer in walked:
        if answer.status_code >= 500:
            failed.append(asked)
        if SECRET.lower() in text_of(answer).lower():
            leaks.append(asked)
        if answer.status_code < 300 and not asked.endswith(SAME_FOR_ALL):
            opened.add(asked)
    assert not failed
    return leaks, opened


@pytest.fixture
def rows(acmes_rows: Rows, alice: User, event: Event, seats: list[Seat]) -> Rows:
    """Acme's rows, whose texts say SECRET; alice's name too, and a job that can be begun."""
    User.objects.filter(pk=alice.pk).update(name=SECRET)
    job = plan(event, alice, Operation(kind="block", reason=SECRET), seats[2:4])
    return {**acmes_rows, BulkJob: job}


@pytest.fixture
def rivals_rows(acmes_rows: Rows, rival: Organisation, now: datetime) -> Rows:
    """The same paths with rows of rival's where it has any; the others name nothing."""
    event = make_event(rival, name="Rival's")
    code = PresaleCode.objects.create(
        event=event, code="RIVAL", valid_from=now, valid_until=event.off_sale_at
    )
    seating, seat = event.plan, event.seats.first()
    assert seating
    assert seat
    known: list[Model] = [rival, event, event.venue, seating, seat, code]
    nothing: Rows = {model: model(pk=uuid4()) for model in acmes_rows}
    return {**nothing, **{type(row): row for row in known}}


WHO_SEES_NOTHING = ["nobody", "fay", "charlie"]


def visitor(who: str, acme: Organisation, fay: User, charlie: User) -> User | None:
    roles = {role.value: role for role in Role}
    named = {"nobody": None, "fay": fay, "charlie": charlie}
    return make_member(f"the-{who}", acme, roles[who]) if who in roles else named[who]


@pytest.mark.parametrize("who", WHO_SEES_NOTHING)
def test_pages_show_others_nothing_and_change_nothing(
    client: Client,
    rows: Rows,
    acme: Organisation,
    fay: User,
    charlie: User,
    now: datetime,
    who: str,
) -> None:
    if user := visitor(who, acme, fay, charlie):
        client.force_login(user)
    before = rows_of(acme)
    leaks, opened = told_of(walk_pages(client, rows, now))
    assert not leaks
    assert rows_of(acme) == before
    assert not [path for path in opened if str(rows[Event].pk) in path]


@pytest.mark.parametrize("who", WHO_SEES_NOTHING)
def test_the_api_shows_others_nothing_and_changes_nothing(
    api: APIClient,
    api_as: ApiAs,
    rows: Rows,
    acme: Organisation,
    fay: User,
    charlie: User,
    now: datetime,
    who: str,
) -> None:
    user = visitor(who, acme, fay, charlie)
    before = rows_of(acme)
    leaks, opened = told_of(walk_api(api_as(user) if user else api, rows, now))
    assert not leaks
    assert rows_of(acme) == before
    assert not [path for path in opened if str(rows[Event].pk) in path]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SCANNER])
def test_who_may_only_look_changes_nothing(
    client: Client, api_as: ApiAs, rows: Rows, acme: Organisation, now: datetime, role: Role
) -> None:
    user = make_member("looks", acme, role)
    client.force_login(user)
    # What a look leaves behind: how far the waiting room is; at the door, who scanned what.
    left = {"sales.WaitingRoom"}
    if role == Role.SCANNER:
        left |= {"sales.Scan", "sales.Scanner", "sales.ScanReport"}
    before = rows_of(acme)
    _, opened = told_of(walk_pages(client, rows, now))
    _, more = told_of(walk_api(api_as(user), rows, now))
    after = rows_of(acme)
    assert {name for name in before if before[name] != after[name]} <= left
    assert any(path.startswith("GET ") for path in opened | more)


@pytest.mark.parametrize("role", [Role.BOX_OFFICE, Role.MANAGER, Role.OWNER])
def test_who_works_there_sees_all_of_it_without_a_failure(
    client: Client, api_as: ApiAs, rows: Rows, acme: Organisation, now: datetime, role: Role
) -> None:
    user = make_member("works", acme, role)
    client.force_login(user)
    _, opened = told_of(walk_pages(client, rows, now))
    _, more = told_of(walk_api(api_as(user), rows, now))
    assert len({path for path in opened | more if path.startswith("GET ")}) > 30


def test_the_owner_never_changes_what_is_others(
    client: Client,
    api_as: ApiAs,
    rows: Rows,
    rivals_rows: Rows,
    acme: Organisation,
    rival: Organisation,
    now: datetime,
) -> None:
    """Her own paths with ids of rival's in the forms, and rival's own paths."""
    user = make_member("owns", acme, Role.OWNER)
    client.force_login(user)
    others = rows_of(rival)
    mixed: Rows = dict(rivals_rows)
    mixed.update({model: rows[model] for model in (Event, Venue, Order, Ticket)})
    for given in (mixed, rivals_rows):
        told_of(walk_pages(client, given, now))
        told_of(walk_api(api_as(user), given, now))
    assert rows_of(rival) == others


def test_a_key_of_rivals_opens_nothing_of_acmes(
    api: APIClient,
    rows: Rows,
    acme: Organisation,
    rival: Organisation,
    charlie: User,
    now: datetime,
) -> None:
    key = ApiKey(organisation=rival, name="All", scopes=list(Scope.values), created_by=charlie)
    text = add_key(key, actor=charlie, now=now)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    before = rows_of(acme)
    leaks, opened = told_of(walk_api(api, rows, now))
    assert not leaks
    assert rows_of(acme) == before
    assert "GET /api/v1/organiser/events/" in opened
