"""Every page but the admin's, by axe's rules: fans', accounts', organisers', error pages.

The pages come from the URL conf. One with a parameter that VALUES does not know, or that answers
neither as a page nor as something that is none, fails the test.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.http import HttpResponseBase
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from accounts.invitations import token_of
from accounts.models import Invitation, Membership, Organisation, Role, User
from sales.models import BulkJob, Event, Outcome, Seat, Ticket
from sales.organising.operations import Operation
from sales.telling.endpoints import create_endpoint, ping
from tests.helpers.accessibility import complaints, load_axe
from tests.helpers.admission import let_in, make_ticket
from tests.helpers.browsers import log_in
from tests.helpers.bulk_jobs import plan, start
from tests.helpers.cast import make_event, make_user
from tests.helpers.crowd import open_room
from tests.helpers.every_page import paths, patterns
from tests.helpers.payments import hold
from tests.helpers.returns import cancel
from tests.helpers.stampedes import make_run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1200)]

# Other files look at the admin, and at what answers JSON. The API's page is Swagger's.
ELSEWHERE = ("admin/", "api/")
# What GET answers that is no page: POST only, a way to somewhere else.
REFUSED = {403, 404}
NO_PAGE = {*REFUSED, 301, 302, 405}


@pytest.fixture
def values(
    alice: User, acme: Organisation, event: Event, draft: Event, seats: list[Seat], now: datetime
) -> dict[str, list[Any]]:
    """What stands in the paths: things of acme in states that look different."""
    valid, voided, scanned = (make_ticket(seat, alice) for seat in seats[:3])
    make_event(acme, is_simulation=True)
    open_room(draft, now + timedelta(hours=1))
    Event.objects.update(fans_cancel_until=event.starts_at)
    cancel(voided.order)
    for device in ("East 1", "West 2"):
        let_in(scanned, alice, device)
    run = make_run(seats[4], now, told=[Outcome.CONFIRMED, *[Outcome.REJECTED] * 9])
    planned = plan(event, alice, Operation(kind="block", reason="Camera"), seats[:4])
    done = start(plan(event, alice, Operation(kind="block", reason="Sound"), seats[6:8]), alice)
    invitation = Invitation.objects.create(
        organisation=acme,
        email="iris@example.com",
        role=Role.VIEWER,
        created_at=now,
        sent_at=now,
        expires_at=event.starts_at,
    )
    hook = create_endpoint(
        endpoint_id=uuid4(),
        organisation_id=acme.pk,
        user=alice,
        url="https://hooks.example.com/in",
        now=now,
    )
    told = ping(endpoint_id=hook.pk, ping_id=uuid4(), user=alice, now=now)
    jobs: list[BulkJob] = [planned, done]
    tickets: list[Ticket] = [valid, voided]
    return {
        "event_id": [event.pk, draft.pk],
        "order_id": [each.order_id for each in tickets],
        "ticket_id": [each.pk for each in tickets],
        "stampede_id": [run.pk],
        "job_id": [each.pk for each in jobs],
        "hold_id": [hold(seats[9:10], alice).pk],
        "endpoint_id": [hook.pk],
        "delivery_id": [told.pk],
        "slug": [acme.slug],
        "membership_id": [Membership.objects.get(user=alice).pk],
        "invitation_id": [invitation.pk],
        "token": [token_of(invitation)],
        "plan_id": [event.plan_id],
        "venue_id": [event.venue_id],
        "key": ["no-such-key"],  # of a link in an e-mail: says that it is void
        "uidb36": ["1"],
        "pk": [1],
    }


def pages_for(client: Client, values: dict[str, list[Any]]) -> tuple[list[str], set[str]]:
    """Return the pages that a visitor sees, and the routes that are never anything to her."""
    pages, refused = [], set()
    for route in patterns(leave_out=ELSEWHERE):
        known = False
        for path in paths(route, values):
            answer = client.get(path)  # which raises what a page raises
            known = known or answer.status_code not in REFUSED
            if answer.status_code not in NO_PAGE and _is_html(answer):
                pages.append(path)
        if not known:
            refused.add(route)
    return pages, refused


def _is_html(answer: HttpResponseBase) -> bool:
    return answer["Content-Type"].startswith("text/html")


@pytest.fixture
def root(db: None) -> User:
    """Runs the platform."""
    return make_user("root", is_staff=True, is_superuser=True)


@pytest.fixture
def look(browser: Browser, live_server: LiveServer, quick: bool) -> Callable[..., str]:
    """Open paths in a browser as somebody, and return what is wrong with each, in lines."""

    def look_at(paths: list[str], as_user: User | None) -> str:
        cache.clear()
        context = browser.new_context(base_url=live_server.url, service_workers="block")
        load_axe(context)
        if as_user:
            log_in(context, as_user, live_server.url)
        page: Page = context.new_page()
        page.set_default_timeout(60_000)
        wrong = []
        for path in paths:
            page.goto(path)
            found = [f"{path} {each}" for each in complaints(page, quick=quick)]
            print(*found, sep="\n")  # as it goes: there are many pages
            wrong += found
        context.close()
        return "\n".join(wrong)

    return look_at


def test_somebody_sees_every_path(
    client_as: Callable[[User], Client],
    client: Client,
    values: dict[str, list[Any]],
    alice: User,
    root: User,
) -> None:
    visitors = (client, client_as(alice), client_as(root))
    refused = set.intersection(*(pages_for(each, values)[1] for each in visitors))
    assert not refused, "nobody sees these: give them values, or a visitor"


def test_pages_of_an_organiser_who_also_buys(
    look: Callable[..., str],
    client_as: Callable[[User], Client],
    values: dict[str, list[Any]],
    alice: User,
    root: User,
) -> None:
    pages, refused = pages_for(client_as(alice), values)
    assert len(pages) > 25
    assert not look(pages, alice)
    more, _ = pages_for(client_as(root), values)
    assert refused
    assert not look([path for path in more if path not in pages], root)


def test_pages_of_a_stranger(
    look: Callable[..., str], client: Client, values: dict[str, list[Any]]
) -> None:
    pages, _ = pages_for(client, values)
    assert "/accounts/login/" in pages
    assert not look(pages, None)


def test_error_pages(look: Callable[..., str], event: Event, fay: User) -> None:
    assert not look(["/nothing-here/", "/door/", "/organise/"], fay)


def test_empty_lists(look: Callable[..., str], fay: User, acme: Organisation) -> None:
    Membership.objects.create(user=fay, organisation=acme, role=Role.OWNER)
    lists = [
        "/",
        "/orders/",
        "/stampedes/",
        "/door/",
        "/organise/",
        "/organise/orders/",
        "/organise/webhooks/",
    ]
    assert not look(lists, fay)


def test_a_sold_out_event(
    look: Callable[..., str], acme: Organisation, fay: User, alice: User
) -> None:
    small = make_event(acme, rows="A", seats_a_row=1)
    ticket = make_ticket(small.seats.in_order()[0], fay)
    assert not look([f"/events/{small.pk}/", f"/tickets/{ticket.pk}/", "/orders/"], fay)
