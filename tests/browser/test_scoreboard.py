"""The scoreboard in a browser: it fits, it draws, it follows a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from sales.models import Outcome, Seat, StampedeState
from sales.stampede.report import build_report
from tests.helpers.browsers import DESK, PHONE
from tests.helpers.stampedes import NO, WAITS, YES, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_fits_and_draws_its_bars(
    open_page: Callable[..., Page],
    seat: Seat,
    now: datetime,
    viewport: ViewportSize,
    javascript: bool,
) -> None:
    run = make_run(seat, now, told=[YES, *[NO] * 19])
    page = open_page(f"/stampedes/{run.pk}/", viewport=viewport, javascript=javascript)
    bars = page.locator("svg.bars rect.rejected")
    assert bars.count() == 19
    widths = [box["width"] for bar in bars.all() if (box := bar.bounding_box())]
    assert max(widths) > 3 * min(widths) > 0
    for part in page.locator("main .panel").all():
        box = part.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= viewport["width"]


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_needs_no_scrolling_sideways(
    open_page: Callable[..., Page], seat: Seat, now: datetime, viewport: ViewportSize
) -> None:
    run = make_run(seat, now, told=[YES, *[NO] * 9])
    board = f"/stampedes/{run.pk}/"
    of_run = (board, f"{board}evidence/", f"{board}side-by-side/")
    for path in (*of_run, "/stampedes/", "/", f"/events/{seat.event_id}/"):
        page = open_page(path, viewport=viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_follows_a_run_to_its_end(
    open_page: Callable[..., Page], seat: Seat, now: datetime
) -> None:
    why = "The sale is paused."  # else nobody could be refused a seat that nobody took
    run = make_run(seat, now, told=[NO, WAITS, WAITS, WAITS], over=False, why=why)
    page = open_page(f"/stampedes/{run.pk}/")
    expect(page.get_by_text("1 of 4 buyers have been told")).to_be_visible()
    run.attempts.filter(outcome=Outcome.PENDING).update(
        outcome=NO, attempts=2, started_at=now, finished_at=now
    )
    expect(page.get_by_text("4 of 4 buyers have been told")).to_be_visible()
    run.state = StampedeState.FINISHED
    run.report = build_report(run, list(run.regions.all()))
    run.save()
    expect(page.get_by_text("Not sold, and nobody was told so")).to_be_visible()
