"""Reading a plan file: what is no JSON, or no file, is refused in words."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sales.plans import PlanUnreadable, parse_plan, read_plan
from sales.plans.reading import LARGEST_BYTES
from tests.sales.plans.documents import PLANS, document, parsed, places, row, seat, zone


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xff\xfe{\x00}\x00", "UTF-16"),
        (b'{"name": "B\xfchne"}', "not UTF-8: byte 0xfc at offset 11 .line 1."),
        (b'{\n  "name" "x"\n}', "line 2, column 10"),
        (b'{"name": "x",}', "line 1, column 1"),
        (b'{"name": "x"} extra', "Extra data at line 1, column 15"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (b"[" * 40 + b"]" * 40, "nested deeper"),
    ],
)
def test_refuses_what_is_no_json(data: bytes, message: str) -> None:
    with pytest.raises(PlanUnreadable, match=message):
        parse_plan(data)


@pytest.mark.parametrize("data", [b"[]", b"null", b'"plan"', b"12", b"true"])
def test_refuses_json_that_is_no_object(data: bytes) -> None:
    assert "has to be an object" in places(data)["$"]


def test_skips_a_byte_order_mark() -> None:
    assert parse_plan(b"\xef\xbb\xbf" + json.dumps(document()).encode()) == parsed(document())


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanUnreadable, match="no file"):
        read_plan(tmp_path / "plan.json")


def test_refuses_a_directory(tmp_path: Path) -> None:
    with pytest.raises(PlanUnreadable, match="directory"):
        read_plan(tmp_path)


def test_refuses_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(PlanUnreadable, match="cannot be read"):
        read_plan(tmp_path / "plan.json" / "more.json")


def test_refuses_a_huge_file_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.touch()
    os.truncate(file, LARGEST_BYTES + 1)
    with pytest.raises(PlanUnreadable, match="larger than 32 MiB"):
        read_plan(file)


def test_stops_reading_what_has_no_end() -> None:
    with pytest.raises(PlanUnreadable, match="larger than 32 MiB"):
        read_plan(Path("/dev/zero"))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_refuses_a_number_that_is_none(number: str) -> None:
    data = json.dumps(document()).replace('"x": 10,', f'"x": {number},').encode()
    assert places(data) == {
        "$.zones[0].rows[0].seats[0].position.x": "is not a finite number",
    }


def test_refuses_a_key_that_is_written_twice() -> None:
    data = json.dumps(document()).replace('"name": "Floor"', '"name": "F", "name": "Floor"')
    assert places(data.encode()) == {"$.zones[0].name": "the key is written more than once"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [("Fl\x00or", "a control character"), ("Fl\ud800or", "half a character")],
)
def test_refuses_text_that_no_column_holds(text: str, problem: str) -> None:
    assert problem in places(document(zone(name=text)))["$.zones[0].name"]
    inside = zone(row(seat(uuid=text)))
    assert problem in places(document(inside))["$.zones[0].rows[0].seats[0].uuid"]


def test_refuses_a_key_that_no_column_holds() -> None:
    assert list(places(document(**{"a\ud800": 1, "b c": 2}))) == ['$["a\\ud800"]', '$["b c"]']


def test_trims_names() -> None:
    plan = parsed(document(zone(row(seat(" 1 ", category=" Front"), row_number="A "), name=" F ")))
    (only,) = plan.seats
    assert (only.section, only.row, only.number, only.category) == ("F", "A", "1", "Front")
    assert plan.zones[0]["rows"][0]["seats"][0]["seat_guid"] == only.guid == "guid- 1"


def test_knows_a_plan_however_its_file_is_laid_out() -> None:
    data = (PLANS / "floor-96.json").read_bytes()
    other = json.dumps(json.loads(data), indent=3, sort_keys=True).encode()
    assert other != data
    assert parse_plan(other).digest == parse_plan(data).digest
    assert parsed(document(name="Other")).digest != parsed(document()).digest


@pytest.mark.parametrize(
    ("file", "seats", "sections"), [("floor-96", 96, 1), ("hall", 1586, 5), ("arena", 17496, 72)]
)
def test_reads_a_real_plan(file: str, seats: int, sections: int) -> None:
    plan = read_plan(PLANS / f"{file}.json")
    assert (len(plan.seats), len(plan.zones)) == (seats, sections)
    assert [each.position for each in plan.seats] == list(range(1, seats + 1))
