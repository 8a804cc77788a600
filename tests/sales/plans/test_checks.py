"""Checking a plan: each bad place is told, with its path and what is wrong."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from sales.plans import PlanInvalid, checks, parse_plan, parsing, shape
from tests.sales.plans.documents import document, parsed, places, row, seat, zone

SEAT = "$.zones[0].rows[0].seats[0]"


def without(whole: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name != key}


@pytest.mark.parametrize(
    ("plan", "path", "problem"),
    [
        (without(document(), "name"), "$.name", "is missing"),
        (without(document(), "size"), "$.size", "is missing"),
        (without(document(), "categories"), "$.categories", "is missing"),
        (without(document(), "zones"), "$.zones", "is missing"),
        (document(without(zone(), "name")), "$.zones[0].name", "is missing"),
        (document(zone(row(without(seat(), "seat_guid")))), f"{SEAT}.seat_guid", "is missing"),
        (document(zone(row(without(seat(), "position")))), f"{SEAT}.position", "is missing"),
        (document(zone(without(row(), "row_number"))), "$.zones[0].rows[0].row_number", "missing"),
        (document(name=" "), "$.name", "is empty"),
        (document(zone(name="")), "$.zones[0].name", "is empty"),
        (document(zone(row(seat(seat_guid=" ")))), f"{SEAT}.seat_guid", "is empty"),
        (document(zone(row(seat(seat_number="")))), f"{SEAT}.seat_number", "is empty"),
        (document(zone(row(row_number=""))), "$.zones[0].rows[0].row_number", "is empty"),
        (document(name=12), "$.name", "is 12, but has to be a text"),
        (document(zone(row(seat(seat_number=1)))), f"{SEAT}.seat_number", "has to be a text"),
        (document(zone(row(seat(position={"x": "1", "y": 1})))), f"{SEAT}.position.x", "a number"),
        (document(zone(row(seat(position={"x": True, "y": 1})))), f"{SEAT}.position.x", "a number"),
        (document(zone(row(seat(position=[1, 2])))), f"{SEAT}.position", "has to be an object"),
        (document(zone(row(seat(position={"x": 2e6, "y": 1})))), f"{SEAT}.position.x", "at most"),
        (document(zone(row(seat(position={"x": -2e6, "y": 1})))), f"{SEAT}.position.x", "at least"),
        (document(zones={}), "$.zones", "is an object, but has to be a list"),
        (document("zone"), "$.zones[0]", "has to be an object"),  # type: ignore[arg-type]
        (document(zones=[]), "$.zones", "at least one"),
        (document(categories=[]), "$.categories", "at least one"),
        (document(size={"width": 0, "height": 1}), "$.size.width", "more than 0"),
        (document(zone(row(seat(category="Back")))), f"{SEAT}.category", "not among the plan's"),
        (document(zone(row(seat(seat_guid="g" * 201)))), f"{SEAT}.seat_guid", "longer than 200"),
        (document(zone(row(seat(seat_number="n" * 51)))), f"{SEAT}.seat_number", "longer than 50"),
        (document(zone(name="n" * 201)), "$.zones[0].name", "longer than 200"),
        (document(zone(row(row_number="r" * 51))), "$.zones[0].rows[0].row_number", "than 50"),
        (document(zone(row(seats=[]))), "$.zones[0].rows[0].seats", "at least one"),
        (document(zone(rows=[])), "$.zones[0]", "neither rows nor areas"),
        (document(zone(seats=[seat()])), "$.zones[0].seats", "a zone has no seats of its own"),
        (document(zone(row(seat(prize=3)))), f"{SEAT}.prize", "is not part of the format"),
        (document(zone(areas=[{"shape": "star"}])), "$.zones[0].areas[0].shape", "one of"),
        (document(zone(areas=[{"shape": "circle"}])), "$.zones[0].areas[0].circle", "is missing"),
        (
            document(zone(areas=[{"color": 'red" onload="alert(1)'}])),
            "$.zones[0].areas[0].color",
            "not a colour",
        ),
    ],
)
def test_names_the_bad_place(plan: dict[str, Any], path: str, problem: str) -> None:
    found = places(plan)
    assert problem in found[path], found


@pytest.mark.parametrize("color", ["red", "#12345", "#1234567", "#gggggg", "", "#123456\n"])
def test_refuses_a_category_without_a_colour_of_six_digits(color: str) -> None:
    found = places(document(categories=[{"name": "Front", "color": color}]))
    assert "not a colour" in found["$.categories[0].color"]


def test_gives_a_category_without_a_colour_one() -> None:
    assert parsed(document(categories=[{"name": "Front"}])).categories[0]["color"] == "#577590"


def test_refuses_a_category_named_twice() -> None:
    found = places(document(categories=[{"name": "Front"}, {"name": "Front "}]))
    assert found == {"$.categories[1].name": '"Front" is the name of $.categories[0] already'}


def test_refuses_a_guid_used_twice_also_after_trimming() -> None:
    found = places(document(zone(row(seat("1", seat_guid="g"), seat("2", seat_guid=" g ")))))
    assert found == {
        "$.zones[0].rows[0].seats[1].seat_guid": f'"g" is the seat_guid of {SEAT} already'
    }


def test_refuses_a_guid_used_in_two_zones() -> None:
    found = places(document(zone(), zone(name="Balcony")))
    assert list(found) == ["$.zones[1].rows[0].seats[0].seat_guid"]


def test_refuses_a_row_and_number_used_twice_in_a_section() -> None:
    again = seat("1", seat_guid="other")
    within_row = places(document(zone(row(seat("1"), again))))
    in_two_rows = places(document(zone(row(), row(again))))
    in_two_zones_of_a_name = places(document(zone(), zone(row(again))))
    assert list(within_row) == ["$.zones[0].rows[0].seats[1].seat_number"]
    assert list(in_two_rows) == ["$.zones[0].rows[1].seats[0].seat_number"]
    assert list(in_two_zones_of_a_name) == ["$.zones[1].rows[0].seats[0].seat_number"]


def test_takes_a_row_in_two_parts_and_the_same_row_in_another_section() -> None:
    split = zone(row(seat("1")), row(seat("2")))
    balcony = zone(row(seat("1", seat_guid="other")), name="Balcony")
    assert len(parsed(document(split, balcony)).seats) == 3


def test_takes_a_zone_that_holds_only_areas() -> None:
    bar = zone(name="Bar", rows=[], areas=[{"shape": "text", "text": _text("Bar")}])
    assert len(parsed(document(zone(), bar)).zones) == 2


def _text(text: str) -> dict[str, Any]:
    return {"text": text, "position": {"x": 0, "y": 0}}


def test_refuses_a_plan_without_any_seat() -> None:
    bar = zone(rows=[], areas=[{"shape": "text", "text": _text("Bar")}])
    assert places(document(bar)) == {"$.zones": "the plan has no seats"}


def test_refuses_a_section_larger_than_a_column() -> None:
    seats = [seat(str(at), uuid="u" * 100) for at in range(5_000)]
    found = places(document(zone(row(*seats))))
    assert "1 MiB" in found["$.zones[0]"]


def test_refuses_more_seats_than_a_stadium_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST_SEATS", 1)
    found = places(document(zone(row(seat("1"), seat("2")))))
    assert found == {"$.zones": "the plan has 2 seats; at most 1 are taken"}


def test_tells_every_bad_place_at_once() -> None:
    plan = document(
        zone(row(seat("1", category="Back"), seat("2", seat_guid="guid-1"), {"oops": 1})),
        name="",
    )
    assert set(places(plan)) == {
        "$.name",
        f"{SEAT}.category",
        "$.zones[0].rows[0].seats[1].seat_guid",
        "$.zones[0].rows[0].seats[2].oops",
        "$.zones[0].rows[0].seats[2].seat_guid",
        "$.zones[0].rows[0].seats[2].seat_number",
        "$.zones[0].rows[0].seats[2].position",
        "$.zones[0].rows[0].seats[2].category",
    }


def test_tells_fifty_places_and_counts_the_rest() -> None:
    seats = [seat(str(at), category="Back") for at in range(60)]
    with pytest.raises(PlanInvalid, match="60 bad places") as caught:
        parsed(document(zone(row(*seats))))
    assert len(caught.value.places) == parsing.MOST_PLACES == 50
    assert caught.value.more == 10
    assert str(caught.value).endswith("... and 10 more")


def test_shows_a_long_value_short() -> None:
    message = places(document(zone(name="x" * 100_000)))["$.zones[0].name"]
    assert len(message) < 120


def test_adds_up_the_positions_of_zone_row_and_seat() -> None:
    (only,) = parsed(document()).seats
    assert (only.x, only.y) == (1110.0, 2200.0)


def test_has_words_for_every_rule_of_the_schema() -> None:
    schema = json.loads(shape.SCHEMA_FILE.read_text())
    words = {*shape._WORDS, "required", "additionalProperties"}
    assert _rules(schema["$defs"]) <= words


def _rules(definitions: dict[str, Any]) -> set[str]:
    silent = {"properties", "items", "description", "$ref"}
    rules: set[str] = set()
    for definition in definitions.values():
        rules |= set(definition) - silent
        rules |= _rules(definition.get("properties", {}))
        if "items" in definition:
            rules |= _rules({"items": definition["items"]})
    return rules


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, [[]], [{}], {"a": 1}, True])
@pytest.mark.parametrize("key", ["name", "size", "categories", "zones", "seats", "rows", "areas"])
def test_survives_anything_anywhere(key: str, junk: Any) -> None:
    for plan in (
        document(**{key: junk}),
        document(zone(**{key: junk})),
        document(zone(row(**{key: junk}))),
        document(zone(row(seat(**{key: junk, "position": junk})))),
        document(categories=[{key: junk}]),
        document(zone(areas=[{"shape": "text", "text": junk, key: junk}])),
    ):
        with contextlib.suppress(PlanInvalid):
            parse_plan(json.dumps(plan).encode())
