"""`manage.py seed_demo`: the demo's cast, and a fresh event for each run."""

from __future__ import annotations

import functools
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Membership, Organisation, User
from sales.events import check_on_sale
from sales.models import Event, EventState, Seat, SeatingPlan
from sales.plans import read_plan

pytestmark = pytest.mark.django_db(transaction=True)

_read_once = functools.cache(read_plan)


@pytest.fixture(autouse=True)
def _own_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDSEAT_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def _plans_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the demo's plan files once, not for each run of it."""
    monkeypatch.setattr("sales.demo.read_plan", _read_once)


def seed(*words: str) -> dict[str, Any]:
    printed = io.StringIO()
    call_command("seed_demo", "--json", *words, stdout=printed)
    seeded: dict[str, Any] = json.loads(printed.getvalue())
    return seeded


def test_puts_a_fresh_event_on_sale_with_its_96_seats() -> None:
    seeded = seed()
    event = Event.objects.get(slug=seeded["event"])
    check_on_sale(event, now=timezone.now())
    assert event.is_simulation
    assert event.name == "Opening night, run 1"
    assert event.seats.count() == 96
    assert event.seats.filter(row="A", number="1").count() == 1
    assert seeded["seat"] == "A-1"


def test_puts_the_concert_hall_on_sale() -> None:
    seed()
    event = Event.objects.get(slug="winter-gala")
    check_on_sale(event, now=timezone.now())
    assert not event.is_simulation
    assert event.seats.count() == 1586
    assert event.categories.get(name="A").price_minor == 12000


def test_gives_the_rival_an_event_of_its_own() -> None:
    seed()
    event = Event.objects.get(organisation__slug="southern-lights")
    check_on_sale(event, now=timezone.now())
    rival = User.objects.get(email="owner@southern-lights.example")
    assert [each.slug for each in Organisation.objects.of(rival)] == ["southern-lights"]


def test_names_logins_that_work(client: Any) -> None:
    logins = seed()["logins"]
    assert {each["role"] for each in logins} >= {
        "Superuser",
        "Owner",
        "Box office",
        "Viewer",
        "Fan",
    }
    for each in logins:
        assert client.login(username=each["email"], password=each["password"]), each["role"]


def test_closes_the_earlier_run_and_makes_the_rest_once() -> None:
    first = seed()
    counts = _counts()
    second = seed()
    assert (first["event"], second["event"]) == ("opening-night-1", "opening-night-2")
    assert Event.objects.get(slug="opening-night-1").state == EventState.CLOSED
    assert Event.objects.get(slug="opening-night-2").state == EventState.PUBLISHED
    assert Event.objects.get(slug="winter-gala").state == EventState.PUBLISHED
    assert _counts() == {**counts, "events": counts["events"] + 1, "seats": counts["seats"] + 96}


def _counts() -> dict[str, int]:
    return {
        "events": Event.objects.count(),
        "seats": Seat.objects.count(),
        "plans": SeatingPlan.objects.count(),
        "users": User.objects.count(),
        "members": Membership.objects.count(),
    }


def test_keeps_its_password_in_the_state_directory(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = seed()["logins"], seed()["logins"]
    assert first == second
    monkeypatch.setenv("WORLDSEAT_STATE_DIR", str(tmp_path / "another"))
    third = seed()["logins"]
    assert third[0]["password"] != first[0]["password"]
    assert client.login(username=third[0]["email"], password=third[0]["password"])
    assert not client.login(username=first[0]["email"], password=first[0]["password"])


def test_refuses_a_database_elsewhere(settings: Settings) -> None:
    settings.LOCAL = False
    with pytest.raises(CommandError, match="Nothing was changed"):
        seed()
    assert not User.objects.exists()


def test_obeys_force(settings: Settings) -> None:
    settings.LOCAL = False
    assert seed("--force")["event"] == "opening-night-1"


def test_finishes_what_a_killed_run_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sales.plans.importing._finish", killed)
        with pytest.raises(KeyboardInterrupt):
            seed()
    assert not Event.objects.public().exists()
    seed()
    assert set(Event.objects.public().values_list("slug", flat=True)) == {
        "winter-gala",
        "midsummer-ball",
        "opening-night-1",
    }
    assert Event.objects.get(slug="winter-gala").seats.count() == 1586


def test_reopens_a_show_whose_sale_has_ended() -> None:
    seed()
    past = timezone.now() - timedelta(seconds=1)
    Event.objects.filter(slug="winter-gala").update(off_sale_at=past)
    seed()
    check_on_sale(Event.objects.get(slug="winter-gala"), now=timezone.now())
