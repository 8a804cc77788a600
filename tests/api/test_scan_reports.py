"""Scanners over the API: what they have to know beforehand, and what they report afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db.models import Model
from django.utils import timezone
from knox.models import get_token_model
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from accounts.models import Role, User
from sales.models import Event, Scan, Scanner, ScanReport, Seat, Ticket, TicketState
from sales.tickets import code_of, reissue
from tests.helpers.admission import forge, make_ticket, scan
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import at_once, make_event, make_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ticket(seat: Seat, fay: User) -> Ticket:
    return make_ticket(seat, fay)


def seen(ticket: Ticket, **changes: Any) -> dict[str, Any]:
    now = timezone.now().isoformat()
    return {"id": str(uuid4()), "code": code_of(ticket), "at": now, **changes}


def report_of(*scans: Any, device: str = "West 2", **changes: Any) -> dict[str, Any]:
    # One device, one id.
    key = f"00000000-0000-0000-0000-{len(device):012d}"
    scanner = {"id": key, "name": device, "time": timezone.now().isoformat(), **changes}
    return {"scanner": scanner, "gate": "West", "scans": list(scans)}


def url_of(event_id: Any) -> str:
    return f"/api/v1/organiser/events/{event_id}/scans/"


def send(api: APIClient, ticket: Ticket, body: Any) -> list[dict[str, Any]]:
    answer = api.post(url_of(ticket.event_id), body)
    assert answer.status_code == 200, answer.content
    scans: list[dict[str, Any]] = answer.json()["scans"]
    return scans


def test_asks_and_is_answered(api_as: ApiAs, bob: User, ticket: Ticket) -> None:
    (told,) = send(api_as(bob), ticket, report_of(shown := seen(ticket), waiting=3))
    assert (told["outcome"], told["conflict"], told["holder"]) == ("admitted", False, "Fay")
    assert told["seat"]["label"] == "A-1"
    assert (told["admission"]["scan"], told["admission"]["scanner"]) == (shown["id"], "West 2")
    ticket.refresh_from_db()
    assert ticket.admitted_at is not None
    scanner = Scanner.objects.get()
    assert (scanner.name, scanner.user, scanner.waiting) == ("West 2", bob, 3)
    assert abs(scanner.clock_ahead_ms) < 60_000


def test_keeps_both_times(api_as: ApiAs, bob: User, ticket: Ticket) -> None:
    long_ago = timezone.now() - timedelta(hours=3)
    slow = report_of(
        seen(ticket, at=long_ago.isoformat(), told="admitted"),
        time=(timezone.now() - timedelta(minutes=5)).isoformat(),
    )
    send(api_as(bob), ticket, slow)
    report = ScanReport.objects.select_related("scan", "scanner").get()
    assert report.device_time == long_ago
    assert timezone.now() - report.scan.scanned_at < timedelta(minutes=1)
    assert -310_000 < report.scanner.clock_ahead_ms < -290_000


def test_counts_a_report_once(api_as: ApiAs, bob: User, ticket: Ticket) -> None:
    body = report_of(seen(ticket, told="admitted"), seen(ticket, told="already-admitted"))
    first = send(api_as(bob), ticket, body)
    assert [each["outcome"] for each in first] == ["admitted", "already-admitted"]
    assert send(api_as(bob), ticket, body) == first
    assert (Scan.objects.count(), ScanReport.objects.count(), Scanner.objects.count()) == (2, 2, 1)


def test_shows_a_conflict_with_both_scanners(api_as: ApiAs, bob: User, ticket: Ticket) -> None:
    api = api_as(bob)
    send(api, ticket, report_of(seen(ticket, told="admitted"), device="East"))
    (told,) = send(api, ticket, report_of(seen(ticket, told="admitted"), device="West 2"))
    assert (told["outcome"], told["conflict"]) == ("already-admitted", True)
    assert told["admission"]["scanner"] == "East"
    assert Scan.objects.filter(outcome="admitted").count() == 1


@pytest.mark.parametrize("outcome", ["void", "superseded"])
def test_calls_it_a_conflict_when_the_ticket_had_gone(
    api_as: ApiAs, bob: User, ticket: Ticket, outcome: str
) -> None:
    shown = seen(ticket, told="admitted")
    if outcome == "void":
        Ticket.objects.filter(pk=ticket.pk).update(state=TicketState.VOID, voided_at=timezone.now())
    else:
        reissue(ticket_id=ticket.pk, user=ticket.fan, now=timezone.now())
    (told,) = send(api_as(bob), ticket, report_of(shown))
    assert (told["outcome"], told["conflict"], told["admission"]) == (outcome, True, None)


def test_adds_what_was_told_when_the_answer_was_lost(
    api_as: ApiAs, bob: User, ticket: Ticket
) -> None:
    api, asked = api_as(bob), seen(ticket)
    scan(ticket, bob)  # somebody else was faster
    assert not send(api, ticket, report_of(asked))[0]["conflict"]
    (told,) = send(api, ticket, report_of({**asked, "told": "admitted"}))
    assert told["conflict"]
    assert ScanReport.objects.get().told == "admitted"


def test_says_unknown_of_what_is_no_ticket_of_theirs(
    api_as: ApiAs, bob: User, ticket: Ticket, rival: Any, fay: User
) -> None:
    theirs = make_ticket(make_event(rival).seats.in_order()[0], fay)
    forged = seen(ticket, code=forge(ticket))
    told = send(api_as(bob), ticket, report_of(forged, seen(theirs), seen(ticket)))
    assert [each["outcome"] for each in told] == ["unknown", "unknown", "admitted"]
    assert told[1]["seat"] is None
    theirs.refresh_from_db()
    assert theirs.admitted_at is None


def test_does_not_answer_for_the_scan_of_another(
    api_as: ApiAs, bob: User, ticket: Ticket, rival: Any, charlie: User, fay: User
) -> None:
    theirs = make_ticket(make_event(rival).seats.in_order()[0], fay)
    shown = seen(theirs, told="admitted")
    send(api_as(charlie), theirs, report_of(shown))
    (told,) = send(api_as(bob), ticket, report_of({**seen(ticket), "id": shown["id"]}))
    assert told["outcome"] == "unknown"


def test_refuses_a_ticket_for_another_event(
    api_as: ApiAs, bob: User, ticket: Ticket, event: Event, fay: User
) -> None:
    matinee = make_ticket(make_event(event.organisation).seats.in_order()[0], fay)
    (told,) = send(api_as(bob), ticket, report_of(seen(matinee)))
    assert told["outcome"] == "other-event"
    assert Scan.objects.get().event_id == matinee.event_id


def test_is_for_who_may_scan(
    api: APIClient, api_as: ApiAs, fay: User, charlie: User, ticket: Ticket
) -> None:
    viewer = make_member("vera", ticket.event.organisation, Role.VIEWER)
    url, body = url_of(ticket.event_id), report_of(seen(ticket, told="admitted"))
    news = f"/api/v1/organiser/events/{ticket.event_id}/door-tickets/"
    assert_problem(api.post(url, body), 401, "not-authenticated")
    for nobody in (fay, viewer):
        assert_problem(api_as(nobody).post(url, body), 403, "permission-denied")
        assert_problem(api_as(nobody).get(news), 403, "permission-denied")
    assert_problem(api_as(charlie).post(url, body), 404, "not-found")
    assert_problem(api_as(charlie).get(news), 404, "not-found")
    kept: list[type[Model]] = [Scan, Scanner]
    assert not any(each._default_manager.exists() for each in kept)
    ticket.refresh_from_db()
    assert ticket.admitted_at is None


def test_admits_by_one_of_many_scanners_at_once(
    live_server: LiveServer, bob: User, ticket: Ticket
) -> None:
    _, token = get_token_model().objects.create(user=bob)

    def at_gate(number: int) -> httpx.Response:
        return httpx.post(
            f"{live_server.url}{url_of(ticket.event_id)}",
            json=report_of(seen(ticket, told="admitted"), device="x" * (number + 1)),
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    answers: list[Any] = at_once([partial(at_gate, number) for number in range(6)])
    told = [each.json()["scans"][0] for each in answers]
    assert [each["outcome"] for each in told].count("admitted") == 1
    assert [each["conflict"] for each in told].count(True) == 5
    assert len({each["admission"]["scan"] for each in told}) == 1


def test_tells_scanners_how_the_tickets_stand(
    api_as: ApiAs, bob: User, fay: User, event: Event, seats: list[Seat]
) -> None:
    kept, admitted, cancelled = (make_ticket(each, fay) for each in seats[:3])
    api, url = api_as(bob), f"/api/v1/organiser/events/{event.pk}/door-tickets/"
    send(api, admitted, report_of(seen(admitted)))
    all_of_them = api.get(url).json()
    rows = {row[0]: dict(zip(all_of_them["fields"], row, strict=True)) for row in _rows(api, url)}
    assert len(rows) == 3
    assert rows[str(kept.pk)]["number"] == kept.seat.number
    assert rows[str(admitted.pk)]["where"] == "West 2, West"
    assert rows[str(admitted.pk)]["admitted_at"]
    assert fay.name not in str(all_of_them)

    Ticket.objects.update(created_at=timezone.now() - timedelta(hours=1))
    Ticket.objects.filter(pk=admitted.pk).update(admitted_at=timezone.now() - timedelta(minutes=30))
    since = {"since": all_of_them["cursor"]}
    assert _rows(api, url, since) == []
    Ticket.objects.filter(pk=cancelled.pk).update(state=TicketState.VOID, voided_at=timezone.now())
    assert [row[:3] for row in _rows(api, url, since)] == [[str(cancelled.pk), 1, "void"]]
    assert_problem(api.get(url, {"since": "yesterday"}), 400, "invalid")


def test_pages_the_tickets_and_misses_nothing_that_changes_meanwhile(
    api_as: ApiAs, bob: User, fay: User, event: Event, seats: list[Seat]
) -> None:
    early = timezone.now() - timedelta(hours=1)
    tickets = [make_ticket(each, fay) for each in seats[:4]]
    Ticket.objects.update(created_at=early)
    api, url = api_as(bob), f"/api/v1/organiser/events/{event.pk}/door-tickets/"
    first = api.get(url, {"limit": 1}).json()
    assert (len(first["tickets"]), first["total"]) == (1, 4)
    # One that was fetched already is let in before the last page is there.
    fetched = Ticket.objects.get(pk=first["tickets"][0][0])
    send(api, fetched, report_of(seen(fetched)))
    rows, page = first["tickets"], first
    while page["next_after"]:
        page = api.get(url, {"limit": 1, "after": page["next_after"]}).json()
        assert (page["cursor"], page["total"]) == (None, None)
        rows += page["tickets"]
    assert {row[0] for row in rows} == {str(each.pk) for each in tickets}
    assert len(rows) == 4
    assert len(_rows(api, url, {"since": first["cursor"]})) == 1
    assert_problem(api.get(url, {"after": "x"}), 400, "invalid")
    assert_problem(api.get(url, {"limit": 5001}), 400, "invalid")


def _rows(api: APIClient, url: str, query: Any = None) -> list[Any]:
    rows: list[Any] = api.get(url, query).json()["tickets"]
    return rows


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body["scans"].extend(body["scans"] * 100),
        lambda body: body["scans"][0].update(told="maybe"),
        lambda body: body["scanner"].pop("name"),
        lambda body: body.update(event="x"),
    ],
)
def test_refuses_what_is_no_report(
    api_as: ApiAs, bob: User, ticket: Ticket, spoil: Callable[[Any], None]
) -> None:
    body = report_of(seen(ticket))
    spoil(body)
    assert_problem(api_as(bob).post(url_of(ticket.event_id), body), 400, "invalid")
    assert not Scan.objects.exists()
