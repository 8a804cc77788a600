"""The scanner in a browser: by camera, by keyboard, and without a connection."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Route,
    expect,
)
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from sales.models import Event, EventState, Scan, ScanReport, Seat, Ticket, TicketState
from sales.tickets import code_of
from tests.browser.camera import film
from tests.helpers import chromium
from tests.helpers.admission import forge, make_ticket, scan
from tests.helpers.browsers import PHONE, log_in
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tickets(seats: list[Seat], fay: User) -> list[Ticket]:
    return [make_ticket(seat, fay) for seat in seats[:4]]


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, bob: User) -> Iterator[BrowserContext]:
    """Bob's phone. What it complains about, but for lost connections, fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport=PHONE)
    log_in(context, bob, live_server.url)
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if "net::ERR" not in said.text and "401" not in said.text:
            complaints.append(f"{said.type}: {said.text}")

    context.on("console", hear)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()
    assert not complaints


def open_scanner(context: BrowserContext, event: Event) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"/door/{event.pk}/")
    expect(page.locator("body[data-kept]")).to_be_visible()
    return page


def show(page: Page, code: str) -> None:
    """Type a code as a hand scanner does."""
    page.get_by_label("Code of the ticket").fill(code)
    page.keyboard.press("Enter")


def expect_verdict(page: Page, kind: str, words: str) -> None:
    expect(page.locator(f'body[data-verdict="{kind}"] #headline')).to_have_text(words)


def void(ticket: Ticket) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(state=TicketState.VOID, voided_at=timezone.now())


def test_lets_in_once_while_online(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    page = open_scanner(context, event)
    expect(page.locator("#counter")).to_have_text("0 of 4 in")
    show(page, code_of(tickets[0]))
    expect_verdict(page, "good", "Let in")
    expect(page.locator("#place")).to_have_text("Floor · row A · seat 1")
    expect(page.locator("#detail")).to_contain_text("Fay")
    expect(page.locator("#counter")).to_have_text("1 of 4 in")
    show(page, code_of(tickets[0]).lower())
    expect_verdict(page, "bad", "Already let in")
    show(page, "hello")
    expect_verdict(page, "bad", "No ticket of ours")
    assert Scan.objects.filter(outcome="admitted").count() == 1


def test_types_anywhere_as_a_hand_scanner_does(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    page = open_scanner(context, event)
    page.locator("#headline").click()
    page.keyboard.type(code_of(tickets[0]))
    page.keyboard.press("Enter")
    expect_verdict(page, "good", "Let in")


def test_checks_each_code_though_they_come_faster_than_answers(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    """A code that came while another one was checked was dropped, below the former "Let in"."""
    page = open_scanner(context, event)
    page.evaluate(
        """codes => {
            for (const code of codes) {
                document.getElementById("code").value = code;
                document.getElementById("manual").requestSubmit();
            }
        }""",
        [code_of(each) for each in [*tickets, tickets[0]]],
    )
    assert page.locator("#headline").text_content() == "Checking …"
    expect_verdict(page, "bad", "Already let in")
    expect(page.locator("#scans li")).to_have_count(5)
    expect(page.locator("#counter")).to_have_text("4 of 4 in")
    wait_until(lambda: ScanReport.objects.count() == 5, what="the reports")
    assert Scan.objects.filter(outcome="admitted").count() == 4


def test_takes_the_former_answer_away_while_it_asks(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    page = open_scanner(context, event)
    show(page, code_of(tickets[0]))
    expect_verdict(page, "good", "Let in")
    held: list[Route] = []
    context.route("**/scans/", lambda route: held.append(route))
    show(page, code_of(tickets[1]))
    expect(page.locator("body:not([data-verdict]) #headline")).to_have_text("Checking …")
    expect(page.locator("#place")).to_be_empty()
    # Asking the page lets Playwright hear of the request.
    wait_until(lambda: bool(page.evaluate("true") and held), what="the question")
    for route in held:
        route.continue_()
    expect_verdict(page, "good", "Let in")
    expect(page.locator("#place")).to_have_text("Floor · row A · seat 2")


def test_goes_on_after_a_ticket_that_it_could_not_check(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    context.add_init_script(
        """const transaction = IDBDatabase.prototype.transaction;
        IDBDatabase.prototype.transaction = function (...words) {
            if (globalThis.broken) throw new DOMException("gone", "InvalidStateError");
            return transaction.apply(this, words);
        };
        console.error = () => {};"""
    )
    page = open_scanner(context, event)
    page.evaluate("globalThis.broken = true")
    show(page, code_of(tickets[0]))
    expect_verdict(page, "bad", "Not checked: show it again")
    page.evaluate("globalThis.broken = false")
    show(page, code_of(tickets[0]))
    expect_verdict(page, "good", "Let in")


def test_takes_a_network_that_asks_for_a_login_for_no_connection(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    page = open_scanner(context, event)
    login = {"status": 200, "content_type": "text/html", "body": "<h1>Welcome to our WLAN</h1>"}
    context.route("**/scans/", lambda route: route.fulfill(**login))
    show(page, code_of(tickets[0]))
    expect_verdict(page, "good", "Let in")
    expect(page.locator("#link")).to_contain_text("1 to report")
    assert not Scan.objects.exists()


def test_asks_for_proof_of_a_concession(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    Ticket.objects.filter(pk=tickets[0].pk).update(price_type="Child")
    page = open_scanner(context, event)
    show(page, code_of(tickets[0]))
    expect_verdict(page, "check", "Let in")
    expect(page.locator("#detail")).to_contain_text("Child: ask for proof.")


def test_goes_on_without_a_connection(
    context: BrowserContext, event: Event, tickets: list[Ticket], alice: User
) -> None:
    first, second, cancelled, _ = tickets
    void(cancelled)
    page = open_scanner(context, event)
    page.get_by_text("This device", exact=True).click()
    page.get_by_label("Its name, as others see it").fill("West 2")
    page.get_by_label("Gate").fill("West")
    page.get_by_label("Gate").blur()
    expect(page.locator("#ready")).to_contain_text("Works without a connection: 3 tickets")

    context.set_offline(True)
    show(page, code_of(first))
    expect_verdict(page, "good", "Let in")
    expect(page.locator("#place")).to_have_text("Floor · row A · seat 1")
    expect(page.locator("#link")).to_have_text("Offline · 1 to report")
    show(page, code_of(first))
    expect_verdict(page, "bad", "Already let in")
    show(page, forge(second))
    expect_verdict(page, "bad", "Not genuine: nobody here signed it")
    show(page, code_of(cancelled))
    expect_verdict(page, "bad", "Void: cancelled or exchanged")
    assert not Scan.objects.exists()

    page.reload()  # from what the service worker kept
    expect(page.locator("body[data-ready]")).to_be_visible()
    expect(page.locator("#link")).to_have_text("Offline · 3 to report")
    show(page, code_of(first))
    expect_verdict(page, "bad", "Already let in")
    show(page, code_of(second))
    expect_verdict(page, "good", "Let in")

    before = timezone.now()
    scan(second, alice, gate="East")  # at another door, meanwhile
    context.set_offline(False)
    conflicts = page.locator("#conflicts")
    expect(conflicts).to_contain_text("Floor · row A · seat 2", timeout=20_000)
    expect(conflicts).to_contain_text("Let in by this device (West 2)")
    expect(conflicts).to_contain_text("also let in by East")
    expect(page.locator("#link")).to_have_text("Online")
    expect(page.locator("#counter")).to_have_text("2 of 3 in")
    reports = ScanReport.objects.select_related("scan").order_by("device_time")
    assert [(each.told, each.scan.outcome) for each in reports] == [
        ("admitted", "admitted"),
        ("already-admitted", "already-admitted"),
        ("void", "void"),
        ("already-admitted", "already-admitted"),
        ("admitted", "already-admitted"),
    ]
    assert before - timedelta(minutes=2) < reports[0].device_time < before
    assert {each.scan.gate for each in reports} == {"West"}


def test_fetches_a_large_hall_page_by_page_and_goes_on_where_it_was_broken_off(
    context: BrowserContext, event: Event, tickets: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.api.doors.TICKETS_A_PAGE", 1)
    asked: list[str] = []
    fail_after = {"pages": 2}

    def through(route: Route) -> None:
        asked.append(route.request.url)
        broken = len(asked) > fail_after["pages"]
        route.abort("connectionfailed") if broken else route.continue_()

    context.route("**/door-tickets/**", through)
    page = context.new_page()
    page.goto(f"/door/{event.pk}/")
    expect(page.locator("#fetched-says")).to_have_text("2 of 4 tickets are on this device.")
    expect(page.locator("#link")).to_have_text("Offline")
    fail_after["pages"] = 1000
    page.reload()
    expect(page.locator("body[data-kept]")).to_be_visible(timeout=20_000)
    expect(page.locator("#counter")).to_have_text("0 of 4 in")
    expect(page.locator("#fetching")).to_be_hidden()
    assert not [url for url in asked[1:] if "after=" not in url and "since=" not in url]
    context.set_offline(True)
    for number, ticket in enumerate(tickets, 1):
        show(page, code_of(ticket))
        expect_verdict(page, "good", "Let in")
        expect(page.locator("#place")).to_have_text(f"Floor · row A · seat {number}")
    show(page, code_of(tickets[0]))
    expect_verdict(page, "bad", "Already let in")


def test_refuses_who_came_in_elsewhere(
    context: BrowserContext, event: Event, tickets: list[Ticket], bob: User
) -> None:
    scan(tickets[0], bob, gate="East")
    page = open_scanner(context, event)
    context.set_offline(True)
    show(page, code_of(tickets[0]))
    expect_verdict(page, "bad", "Already let in")
    expect(page.locator("#detail")).to_contain_text("East")


def test_lets_nobody_in_once_it_heard_that_the_event_is_cancelled(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    page = open_scanner(context, event)
    expect(page.locator("#cancelled")).to_be_hidden()
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
    show(page, code_of(tickets[0]))
    expect_verdict(page, "bad", "The event is cancelled")
    expect(page.locator("#cancelled")).to_be_visible()  # it has looked again
    context.set_offline(True)
    show(page, code_of(tickets[1]))
    expect_verdict(page, "bad", "The event is cancelled")
    expect(page.locator("#counter")).to_have_text("0 of 4 in")
    assert not Scan.objects.filter(outcome="admitted").exists()


def test_lets_in_a_ticket_that_it_never_heard_of(
    context: BrowserContext, event: Event, seats: list[Seat], fay: User
) -> None:
    page = open_scanner(context, event)
    context.set_offline(True)
    show(page, code_of(make_ticket(seats[0], fay)))
    expect_verdict(page, "check", "Let in")
    expect(page.locator("#detail")).to_contain_text("sold after this device looked last")


def test_goes_on_for_who_was_signed_out(
    context: BrowserContext, event: Event, tickets: list[Ticket]
) -> None:
    page = open_scanner(context, event)
    context.clear_cookies()
    show(page, code_of(tickets[0]))
    expect_verdict(page, "good", "Let in")
    expect(page.get_by_role("link", name="sign in")).to_be_visible()
    expect(page.locator("#link")).to_have_text("Signed out · 1 to report")


@pytest.mark.parametrize("lacks", ["", "Ed25519"])
def test_reads_a_ticket_by_camera(
    live_server: LiveServer,
    browser: Browser,
    bob: User,
    event: Event,
    tickets: list[Ticket],
    tmp_path: Path,
    launch: Callable[..., Browser],
    lacks: str,
) -> None:
    video = film(code_of(tickets[0]), tmp_path / "camera.y4m")
    with_camera = launch(
        browser.browser_type,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={video}",
    )
    context = with_camera.new_context(
        base_url=live_server.url, viewport=PHONE, permissions=["camera"]
    )
    log_in(context, bob, live_server.url)
    if lacks:  # as in browsers of before 2025
        context.add_init_script(
            "crypto.subtle.importKey = () =>"
            " Promise.reject(new DOMException('No Ed25519', 'NotSupportedError'))"
        )
    page = open_scanner(context, event)
    context.set_offline(True)
    page.get_by_role("button", name="Start the camera").click()
    expect_verdict(page, "good", "Let in")
    expect(page.locator("#place")).to_have_text("Floor · row A · seat 1")
    page.wait_for_timeout(1_000)  # the ticket is still there: that is no second scan
    expect_verdict(page, "good", "Let in")
    context.set_offline(False)
    expect(page.locator("#link")).to_have_text("Online")
    assert Scan.objects.get().outcome == "admitted"


@pytest.fixture
def launch() -> Iterator[Callable[..., Browser]]:
    """Start browsers with flags of their own."""
    started = []

    def start(browser_type: BrowserType, *flags: str) -> Browser:
        found = chromium.find()
        one = browser_type.launch(
            executable_path=found.path,
            args=(*chromium.FLAGS, *flags),
            env={**os.environ, **found.environment},
        )
        started.append(one)
        return one

    yield start
    for each in started:
        each.close()
