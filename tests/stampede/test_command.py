"""`manage.py stampede`: what it prints, and its exit status."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from sales.models import Event, Seat, SeatStatus, Stampede
from tests.helpers.crew import Crew, point_celery_at, servers
from tests.helpers.stampedes import Plan

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

CHECKOUT = Path(__file__).resolve().parents[2]


def _refusal(**options: Any) -> str:
    """Return the error's message, after a look at its exit status and that nothing is planned."""
    with pytest.raises(CommandError) as error:
        call_command("stampede", **{"event": "rush", "seat": "A-1", "buyers": 4, **options})
    assert error.value.returncode == 2
    assert not Stampede.objects.exists()
    return str(error.value)


@pytest.fixture
def nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do as if every region had its worker."""
    monkeypatch.setattr("sales.management.stampedes.require_workers", lambda regions: None)


def test_prints_a_table_and_a_verdict(
    workers: Crew, rush: Event, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("stampede", event=str(rush.pk), seat="Floor-A-1", buyers=10)
    shown = capsys.readouterr().out
    assert "10 buyers, one seat: A-1, Rush" in shown
    assert "us-east-1" in shown
    assert "us-east-2" in shown
    assert "Retries" in shown
    assert "The witness agrees" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_prints_json_alone_and_exits_0(workers: Crew, rush: Event) -> None:
    words = ["--event", "rush", "--seat", "A-1", "--buyers", "6", "--regions", "us-east-2"]
    ran = _manage_stampede(*words, "--json")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert list(report["regions"]) == ["us-east-2"]
    assert report["regions"]["us-east-2"]["buyers"] == report["buyers"] == 6


def _manage_stampede(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "stampede", *words],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, **servers()},
        timeout=120,
        check=False,
    )


def test_exits_1_when_the_witness_disagrees(
    no_workers: None,
    wanted: Seat,
    nobody_asked: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def tamper(stampede_id: str) -> None:
        """Sell the seat to nobody, and have every region finish."""
        stampede = Stampede.objects.get(pk=stampede_id)
        Seat.objects.filter(pk=wanted.pk).update(status=SeatStatus.SOLD)
        stampede.regions.update(finished_at=stampede.created_at)

    monkeypatch.setattr("sales.tasks.stampede.delay", tamper)
    with pytest.raises(SystemExit) as end:
        call_command("stampede", event="rush", seat="A-1", buyers=4)
    assert end.value.code == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "The witness DISAGREES" in shown
    assert "lost_sale: A-1 is sold, and nobody has a valid ticket." in shown


def test_runs_contenders_side_by_side(
    workers: Crew, rush: Event, capsys: pytest.CaptureFixture[str]
) -> None:
    """A foil that oversells is there to be seen: only the product decides the exit status."""
    names = ["dsql", "read-committed", "conditional-update"]
    call_command("stampede", event="rush", contender=names, buyers=20, seed=5, csv=True)
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["contender"] for row in rows] == names
    sold, oversold = ([int(row[key]) for row in rows] for key in ("confirmed", "oversold"))
    assert (sold[0], oversold[0], rows[0]["index_stops"]) == (1, 0, "0")
    assert oversold[1] == sold[1] - 1 > 0
    assert int(rows[1]["oversold_minor"]) == oversold[1] * 4500
    assert (sold[2], oversold[2]) == (1, 0)


def test_says_how_far_one_is_and_stops_it(
    rush: Event, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = plan(buyers=4)
    call_command("stampede", state=str(planned.pk))
    assert "planned: 0 of 4 told, 0 sold" in capsys.readouterr().out
    call_command("stampede", stop=str(planned.pk), json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["report"]["missing"]) == ("stopped", 4)


@pytest.mark.parametrize("name", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_knows_no_stampede_of_that_name(db: None, name: str) -> None:
    with pytest.raises(CommandError) as error:
        call_command("stampede", state=name or "-")
    assert error.value.returncode == 2


def test_says_when_there_is_no_report_in_time(
    no_workers: None, rush: Event, nobody_asked: None
) -> None:
    with pytest.raises(CommandError, match=r"No report after 0\.5 s: 0 of 4 buyers") as error:
        call_command("stampede", event="rush", seat="A-1", buyers=4, timeout=0.5)
    assert error.value.returncode == 2


def test_leaves_the_stampede_to_its_workers_on_ctrl_c(
    no_workers: None,
    rush: Event,
    nobody_asked: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sales.management.stampedes.time.sleep", interrupt)
    with pytest.raises(SystemExit) as end:
        call_command("stampede", event="rush", seat="A-1", buyers=4)
    assert end.value.code == 130
    assert f"The stampede {Stampede.objects.get().pk} goes on" in capsys.readouterr().err


def test_refuses_a_seat_that_is_sold(wanted: Seat) -> None:
    Seat.objects.filter(pk=wanted.pk).update(status=SeatStatus.SOLD)
    assert "Seat A-1 is sold already. Name one that is available" in _refusal()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event": "nowhere"}, "There is no event 'nowhere'"),
        ({"seat": "Z-99"}, "has no seat 'Z-99'"),
        ({"buyers": 0}, "0 buyers: use 1 to 5,000"),
        ({"buyers": 5001}, "5001 buyers: use 1 to 5,000"),
        ({"regions": "mars-1"}, "Unknown region 'mars-1'"),
        ({"regions": ","}, "No region"),
        ({"regions": "us-east-1,us-east-1"}, "named twice"),
        ({"regions": "us-east-1=x"}, "give a weight as in us-east-1=3"),
        ({"regions": "us-east-1=-1"}, "No share for us-east-1"),
        ({"contender": ["oracle"]}, "There is no contender 'oracle'; use dsql, dsql-holds"),
        ({"fault": ["rain=1"]}, "use conflicts, conflict-share"),
        ({"fault": ["conflicts=1"]}, "none runs for us-east-1, us-east-2"),
    ],
)
def test_refuses_bad_input(rush: Event, options: dict[str, Any], words: str) -> None:
    assert words in _refusal(**options)


def test_names_the_command_that_starts_a_missing_worker(
    workers: Crew, rush: Event, settings: Settings
) -> None:
    """Two regions have their workers, a third one has none."""
    settings.REGIONS = [*settings.REGIONS, "us-west-2"]
    message = _refusal()
    assert "No worker runs for us-west-2. Start one:" in message
    assert "-Q worldseat,us-west-2" in message
    assert "worldseat,us-east-1" not in message


def test_says_when_the_broker_does_not_answer(rush: Event) -> None:
    before = point_celery_at("redis://:secret@127.0.0.1:9/0")
    try:
        message = _refusal()
    finally:
        point_celery_at(before)
    assert "broker does not answer" in message
    assert "secret" not in message
