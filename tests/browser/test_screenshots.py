"""The pictures in docs/images: `make screenshots` draws them anew from the demo's data."""

from __future__ import annotations

import io
import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Role, User
from sales import demo
from sales.models import (
    BulkJob,
    Event,
    JobKind,
    JobState,
    PresaleCode,
    QueuePlace,
    Seat,
    Ticket,
    WaitingRoom,
)
from sales.organising.queues import change_room
from sales.tickets import code_of
from tests.helpers.admission import let_in, make_ticket
from tests.helpers.browsers import DESK, PHONE, log_in
from tests.helpers.cast import PASSWORD, make_member

IMAGES = Path(__file__).parents[2] / "docs" / "images"
# A stampede of `make demo`, at its end.
DRAWN_BY_HAND = {"scoreboard"}
# Of the pages that are looked at in both sizes, the pictures that a guide has.
KEPT = {
    *("admin-desk", "admin-seats-desk"),
    *("organise-codes-desk", "organise-queue-desk", "organise-job-phone"),
}
COLOURS = 128  # of a page: enough to look the same, at a third of the size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not os.environ.get("WORLDSEAT_SCREENSHOTS"), reason="draws docs/images: make screenshots"
    ),
]

Visit = Callable[[User, ViewportSize], Page]


@pytest.fixture
def gala() -> Event:
    """The demo's hall, two thirds of it sold, and people at its doors."""
    cache.clear()
    demo.seed(password=PASSWORD, now=timezone.now())
    Event.objects.filter(slug="winter-gala").update(limit_per_fan=20)
    event = Event.objects.get(slug="winter-gala")
    chance = random.Random(7)
    names = ("Ada", "Bela", "Chidi", "Dora", "Emil", "Fay", "Goran", "Hana", "Ines", "Jun")
    fans = [User.objects.create_user(f"{each.lower()}@example.com", name=each) for each in names]
    seats = list(event.seats.in_order().select_related("event", "category"))
    sold = chance.sample(seats[:600], 30)
    tickets = [make_ticket(seat, chance.choice(fans)) for seat in sold]
    _sell_in_bulk(seats, chance, {seat.pk for seat in sold})
    staff = make_member("sam", event.organisation, Role.SCANNER)
    for ticket in tickets[:12]:
        let_in(ticket, staff, chance.choice(["East 1", "West 2"]))
    let_in(tickets[0], staff, "North 1", waiting=3)
    return event


def _sell_in_bulk(seats: list[Seat], chance: random.Random, gone: set[object]) -> None:
    """Colour the map: these seats have no tickets behind them."""
    more = [seat.pk for seat in seats if seat.pk not in gone and chance.random() < 0.55]
    Seat.objects.filter(pk__in=more).update(status="sold", changed_at=timezone.now())


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Visit]:
    contexts: list[BrowserContext] = []

    def open_as(user: User, viewport: ViewportSize) -> Page:
        context = browser.new_context(base_url=live_server.url, viewport=viewport)
        contexts.append(context)
        log_in(context, user, live_server.url)
        page = context.new_page()
        page.set_default_timeout(60_000)
        return page

    yield open_as
    for each in contexts:
        each.close()


def keep(page: Page, name: str) -> None:
    """Write what a page looks like, in few colours."""
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(IMAGES / f"{name}.png", optimize=True)


def with_map(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("#seat-map[data-ready]")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(500)


def fans_pages(visit: Visit, gala: Event) -> None:
    fan = User.objects.get(email="fan@worldseat.example")
    for viewport, size in ((DESK, "desk"), (PHONE, "phone")):
        page = visit(fan, viewport)
        with_map(page, f"/events/{gala.pk}/")
        keep(page, f"event-{size}")
    ticket = Ticket.objects.order_by("created_at")[0]
    page = visit(ticket.fan, PHONE)
    page.goto(f"/tickets/{ticket.pk}/")
    keep(page, "ticket-phone")


def organisers_pages(visit: Visit, gala: Event) -> None:
    owner = User.objects.get(email="owner@aurora-live.example")
    page = visit(owner, DESK)
    for name, path in (
        ("organise-desk", "/organise/"),
        ("organise-event-desk", f"/organise/events/{gala.pk}/"),
        ("organise-orders-desk", f"/organise/orders/?event={gala.pk}"),
        ("organise-door-desk", f"/organise/events/{gala.pk}/door/"),
    ):
        page.goto(path)
        keep(page, name)
    with_map(page, f"/organise/events/{gala.pk}/seats/")
    page.locator("#seat-map").scroll_into_view_if_needed()
    box = page.locator("#seat-map").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.35)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=6)
    page.mouse.up()
    keep(page, "organise-seats-desk")
    phone = visit(owner, PHONE)
    phone.goto(f"/organise/events/{gala.pk}/")
    keep(phone, "organise-event-phone")


def work_in_hand(gala: Event, owner: User) -> BulkJob:
    """Presale codes, a waiting room with people in it, and a job half done."""
    now = timezone.now()
    until = {"valid_from": now - timedelta(days=2), "valid_until": now + timedelta(days=5)}
    category = gala.categories.order_by("position").first()
    for code, more in (
        ("FANCLUB", {"cap": 200, "used": 37}),
        ("PRESS-2026", {"cap": 12, "used": 12, "category": category}),
        ("PARTNER", {"disabled_at": now}),
        ("SCHOOLS", {"cap": 60, "used": 4, "category": category}),
    ):
        made = PresaleCode.objects.create(event=gala, code=code, **until, **more)
        with_it = Ticket.objects.filter(event=gala, code=None).order_by("pk")[: 4 * len(code) // 5]
        Ticket.objects.filter(pk__in=[each.pk for each in with_it]).update(code=made)
    opened = gala.on_sale_at - timedelta(hours=1)
    rules = {"is_on": True, "opens_at": opened, "rate_per_minute": 60}
    change_room(event_id=gala.pk, user=owner, fields=rules, now=now)
    room = WaitingRoom.objects.get(event=gala)
    chance = random.Random(3)
    QueuePlace.objects.bulk_create(
        QueuePlace(
            id=uuid4(),
            room=room,
            fan_id=uuid4(),
            joined_at=opened,
            draw=chance.random(),
            region="us-east-1",
            admitted_at=now if number < 180 else None,
        )
        for number in range(900)
    )
    WaitingRoom.objects.filter(pk=room.pk).update(released=240, released_at=now)
    return BulkJob.objects.create(
        organisation=gala.organisation,
        event=gala,
        kind=JobKind.SEATS,
        title="Change the price of Parkett to 58.00 EUR: 17,496 seats",
        state=JobState.RUNNING,
        total=17_496,
        done=10_500,
        report={"changed": 10_161, "refused": 339},
        started_by=owner,
        created_at=now,
        started_at=now,
        beat_at=now,
    )


def pages_of_work(visit: Visit, gala: Event) -> None:
    """What an organiser has open while a sale goes on, and the admin."""
    owner = User.objects.get(email="owner@aurora-live.example")
    job = work_in_hand(gala, owner)
    for viewport, size in ((DESK, "desk"), (PHONE, "phone")):
        page = visit(owner, viewport)
        for name, path in (
            ("admin", "/admin/"),
            ("admin-seats", f"/admin/sales/seat/?event__id__exact={gala.pk}"),
            ("organise-codes", f"/organise/events/{gala.pk}/codes/"),
            ("organise-queue", f"/organise/events/{gala.pk}/queue/"),
            ("organise-job", f"/organise/jobs/{job.pk}/"),
        ):
            page.goto(path)
            expect(page.locator("h1").first).to_be_visible()
            if f"{name}-{size}" not in KEPT:
                continue
            keep(page, f"{name}-{size}")


def fetching_page(visit: Visit, gala: Event) -> None:
    """The scanner's page while the tickets of a large hall come."""
    page = visit(User.objects.get(email="owner@aurora-live.example"), PHONE)

    def answer(route: Route) -> None:
        if "after=" in route.request.url:
            return  # it takes its time
        news = route.fetch().json()
        first = news["tickets"][0]
        rows = [[str(uuid4()), *first[1:]] for _ in range(5000)]
        route.fulfill(json={**news, "tickets": rows, "total": 17_496, "next_after": rows[-1][0]})

    page.route("**/door-tickets/**", answer)
    page.goto(f"/door/{gala.pk}/")
    expect(page.locator("#fetching")).to_be_visible()
    keep(page, "scanner-fetching-phone")
    page.unroute_all(behavior="ignoreErrors")


def scanners_page(visit: Visit, gala: Event) -> None:
    owner = User.objects.get(email="owner@aurora-live.example")
    tickets = list(Ticket.objects.filter(admitted_at=None).order_by("created_at")[:2])
    Ticket.objects.filter(pk=tickets[1].pk).update(
        price_type="Student", created_at=timezone.now() - timedelta(days=1)
    )
    page = visit(owner, PHONE)
    page.goto(f"/door/{gala.pk}/")
    expect(page.locator("body[data-kept]")).to_be_visible(timeout=60_000)
    for ticket, name in zip(tickets, ("scanner-let-in-phone", "scanner-check-phone"), strict=True):
        page.get_by_label("Code of the ticket").fill(code_of(ticket))
        page.keyboard.press("Enter")
        expect(page.locator("#scans li")).to_have_count(1 + tickets.index(ticket))
        page.wait_for_timeout(500)
        keep(page, name)
    page.context.set_offline(True)
    page.get_by_label("Code of the ticket").fill(code_of(tickets[0]))
    page.keyboard.press("Enter")
    expect(page.locator('body[data-verdict="bad"]')).to_be_visible()
    expect(page.locator("#link")).to_contain_text("Offline", timeout=20_000)
    keep(page, "scanner-offline-phone")


def test_draws_every_picture_anew(visit: Visit, gala: Event) -> None:
    began = time.time()
    fans_pages(visit, gala)
    organisers_pages(visit, gala)
    scanners_page(visit, gala)
    fetching_page(visit, gala)
    pages_of_work(visit, gala)
    old = {each.stem for each in IMAGES.glob("*.png") if each.stat().st_mtime < began}
    assert old <= DRAWN_BY_HAND, "nothing draws these any more"
