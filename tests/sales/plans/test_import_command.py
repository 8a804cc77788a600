"""`manage.py import_plan`: what it takes, what it prints, and how it fails."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.models import Organisation
from sales.models import Event, EventState, PriceCategory, Seat, SeatingPlan
from tests.helpers.cast import make_event
from tests.sales.plans.documents import PLANS, document, row, seat, zone

pytestmark = pytest.mark.django_db(transaction=True)

FLOOR = str(PLANS / "floor-96.json")


@pytest.fixture(autouse=True)
def empty(acme: Organisation) -> Event:
    """The draft `empty`, without seats, plan or categories."""
    event = make_event(acme, name="Empty", state=EventState.DRAFT)
    event.seats.all().delete()
    event.categories.all().delete()
    Event.objects.filter(pk=event.pk).update(plan=None)
    return event


def run(*words: str) -> str:
    printed = io.StringIO()
    call_command("import_plan", *words, stdout=printed)
    return printed.getvalue()


def fail(*words: str) -> tuple[str, dict[str, Any]]:
    """Return the message and, from --json, the error; and see that nothing was changed."""
    before = (SeatingPlan.objects.count(), PriceCategory.objects.count(), Seat.objects.count())
    printed = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_plan", *words, "--json", stdout=printed)
    assert caught.value.returncode == 1
    after = (SeatingPlan.objects.count(), PriceCategory.objects.count(), Seat.objects.count())
    assert after == before
    error: dict[str, Any] = json.loads(printed.getvalue())["error"]
    assert error["message"] == str(caught.value)
    return str(caught.value), error


def test_imports_a_file_and_says_so_as_json(empty: Event) -> None:
    words = ["empty", FLOOR, "--price", "Premium=9500", "--default-price", "4500", "--json"]
    summary = json.loads(run(*words))
    empty.refresh_from_db()
    assert summary["plan"] == str(empty.plan_id)
    assert (summary["seats"], summary["sections"], summary["unchanged"]) == (96, 1, False)
    categories = [(each["name"], each["price_minor"]) for each in summary["categories"]]
    assert categories == [("Premium", 9500), ("Standard", 4500)]
    assert sum(each["seats"] for each in summary["categories"]) == 96
    assert json.loads(run("empty", FLOOR, "--json"))["unchanged"] is True


def test_says_it_for_people_too() -> None:
    said = run("empty", FLOOR, "--default-price", "4500")
    assert "96 seats in 1 sections" in said
    assert "publish it to sell" in said
    assert "already: 96 seats. Nothing was changed." in run("empty", FLOOR)


def test_imports_by_numbers(empty: Event) -> None:
    floor = ["--section", "Floor", "--rows", "A-H", "--seats", "12", "--price", "4500"]
    balcony = ["--section", "Balcony", "--rows", "AA-AB", "--seats", "5"]
    balcony += ["--category", "Cheap", "--price", "2500"]
    summary = json.loads(run("empty", *floor, *balcony, "--json"))
    assert (summary["seats"], summary["sections"]) == (106, 2)
    first = empty.seats.select_related("category").get(row="A", number="1")
    assert (first.section, first.category.name, first.category.price_minor) == (
        "Floor",
        "Standard",
        4500,
    )
    assert empty.seats.filter(section="Balcony", category__price_minor=2500).count() == 10


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nowhere x.json", "not-found", "no event 'nowhere'"),
        ("empty", "invalid", "give a file, or --section"),
        ("empty x.json", "unreadable-plan", "no file 'x.json'"),
        ("empty FLOOR", "prices", "no price: 'Premium', 'Standard'"),
        ("empty FLOOR --section Floor", "invalid", "not both"),
        ("empty FLOOR --price 4500", "invalid", "names no category"),
        ("empty FLOOR --price Premium=45.00", "invalid", "in minor units, 4500 for 45.00"),
        ("empty FLOOR --price Premium=-1", "invalid", "is no price"),
        ("empty FLOOR --price Premium=", "invalid", "is no price"),
        ("empty FLOOR --price Premium=3000000000", "invalid", "is too much"),
        ("empty FLOOR --price Premium=1 --price Premium=2", "invalid", "two prices, 1 and 2"),
        ("empty FLOOR --default-price cheap", "invalid", "is no price"),
        ("empty FLOOR --default-price 1 --price Gold=2", "prices", "no such categories: 'Gold'"),
        ("empty --rows A-H --section Floor", "invalid", "write it after its --section"),
        ("empty --section Floor --seats 12", "invalid", "needs --rows"),
        ("empty --section Floor --rows A-H", "invalid", "needs --seats"),
        ("empty --section Floor --rows A-H --seats many", "invalid", "'many' is no number"),
        ("empty --section Floor --rows A-H --seats 0", "invalid", "use 1 to 500"),
        ("empty --section Floor --rows H-A --seats 12", "invalid", "run backwards"),
        ("empty --section Floor --rows A-H --rows A-B --seats 1", "invalid", "--rows twice"),
        ("empty --section Floor --rows A-H --seats 12", "prices", "no price: 'Standard'"),
        ("opening FLOOR --default-price 1", "other-plan", "has a plan already"),
    ],
)
def test_says_what_is_wrong_and_changes_nothing(
    acme: Organisation, words: str, code: str, message: str
) -> None:
    make_event(acme, name="Opening")
    said, error = fail(*words.replace("FLOOR", FLOOR).split())
    assert message in said
    assert "Nothing was changed." in said
    assert error["code"] == code


def test_names_every_bad_place_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(document(zone(row(seat(category="Back"))), name="")))
    said, error = fail("empty", str(file), "--default-price", "1")
    assert error["code"] == "invalid-plan"
    assert error["more"] == 0
    assert [each["path"] for each in error["places"]] == [
        "$.name",
        "$.zones[0].rows[0].seats[0].category",
    ]
    assert '$.zones[0].rows[0].seats[0].category: "Back" is not among' in said


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [(OperationalError("gone"), 1, "database"), (KeyboardInterrupt(), 130, "interrupted")],
)
def test_says_how_to_go_on_when_it_stops_half_way(
    monkeypatch: pytest.MonkeyPatch, empty: Event, raised: BaseException, status: int, code: str
) -> None:
    def stop(**_: object) -> None:
        raise raised

    monkeypatch.setattr("sales.plans.importing._finish", stop)
    printed = io.StringIO()
    with pytest.raises(CommandError, match="Run the same command again") as caught:
        call_command("import_plan", "empty", FLOOR, "--default-price=1", "--json", stdout=printed)
    assert caught.value.returncode == status
    assert json.loads(printed.getvalue())["error"]["code"] == code
    monkeypatch.undo()
    assert "(0 made now" in run("empty", FLOOR)
