"""The evidence of a stampede, and contenders side by side."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from sales.models import Event, Outcome, Seat, Stampede
from sales.stampede.report import build_report
from tests.helpers.stampedes import NO, YES, make_run

pytestmark = pytest.mark.django_db


def contend(seat: Seat, now: datetime, contender: str, told: list[Outcome]) -> Stampede:
    """Write down a run of a contender."""
    run = make_run(seat, now, told=told)
    run.contender = contender
    run.report = build_report(run, list(run.regions.all()))
    run.save()
    return run


def test_gives_the_command_that_repeats_it(client: Client, seat: Seat, now: datetime) -> None:
    run = make_run(seat, now, told=[YES, NO])
    faults = ["us-east-2:conflict_share=0.1"]
    run.options = {"seed": 7, "think_ms": 20, "faults": faults, "shares": {"us-east-1": 3.0}}
    run.save()
    page = client.get(reverse("sales:stampede-evidence", args=[run.pk])).content.decode()
    assert (
        "manage.py stampede --contender dsql --buyers 2 --regions us-east-1=3,us-east-2 "
        "--seed 7 --think-ms 20 --fault us-east-2:conflict_share=0.1"
    ) in page
    assert "<dt>python</dt>" in page


def test_hands_out_every_attempt(client: Client, seat: Seat, now: datetime) -> None:
    run = make_run(seat, now, told=[YES, NO, NO], why="=1+1")
    whole = client.get(reverse("sales:stampede-json", args=[run.pk])).json()
    assert [each["outcome"] for each in whole["attempts"]] == [YES, NO, NO]
    assert whole["report"]["confirmed"] == 1
    answer = client.get(reverse("sales:stampede-csv", args=[run.pk]))
    text = b"".join(answer).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["number"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["detail"] == "'=1+1"  # no formula in a spreadsheet


def test_sets_alike_runs_side_by_side(client: Client, seat: Seat, now: datetime) -> None:
    contend(seat, now, "dsql", [YES, NO, NO])
    contend(seat, now, "read-committed", [YES, NO, NO])
    contend(seat, now, "read-committed", [YES, YES, NO])
    contend(seat, now, "dsql", [YES, NO])  # other buyers: not alike
    last = contend(seat, now, "dsql", [YES, NO, NO])
    page = client.get(reverse("sales:stampede-comparison", args=[last.pk])).content.decode()
    assert "4 runs." in page
    assert "✓ Never oversold, in 2 runs" in page
    assert "✗ Oversold in 1 of 2 runs" in page
    assert page.index("<code>dsql</code>") < page.index("<code>read-committed</code>")


def test_is_not_found_without_runs(client: Client, event: Event) -> None:
    assert client.get(reverse("sales:stampede-comparison")).status_code == 404


def test_hides_the_runs_at_anothers_draft(
    client: Client, draft: Event, charlie: User, now: datetime
) -> None:
    run = make_run(draft.seats.all()[0], now, told=[YES, NO])
    client.force_login(charlie)
    for name in ("evidence", "json", "csv", "comparison"):
        assert client.get(reverse(f"sales:stampede-{name}", args=[run.pk])).status_code == 404
