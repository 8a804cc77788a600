"""Faults of the local endpoints: from the start on, and ended whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from sales.models import Event, Stampede
from sales.stampede.faults import BadFault, Fault, during, end_faults, parse_fault
from sales.stampede.plan import CannotStampede
from tests.helpers.databases import own_database
from tests.helpers.stampedes import Plan
from tests.helpers.waiting import wait_until
from worldseat.local import state
from worldseat.local.endpoint import launch
from worldseat.local.endpoint.control import Control
from worldseat.local.processes import Supervisor

pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True)]

REGIONS = EAST, WEST = ("us-east-1", "us-east-2")


@pytest.fixture(scope="module")
def controls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Control]]:
    """The controls of two endpoints."""
    home: Path = tmp_path_factory.mktemp("endpoints")
    with own_database("faults") as url, state.claimed(home), Supervisor() as supervisor:
        started = launch.start(supervisor, home, url)
        yield {region: endpoint.control for region, endpoint in started.items()}


def _start(planned: Stampede) -> None:
    Stampede.objects.filter(pk=planned.pk).update(starts_at=timezone.now())


def test_happen_from_the_agreed_start_until_the_end(
    plan: Plan, controls: dict[str, Control]
) -> None:
    planned = plan()
    faults = [parse_fault(f"{WEST}:lost-commit-share=0.05", REGIONS)]
    before = {region: control.faults() for region, control in controls.items()}
    with during(planned.pk, faults, controls, seed=3):
        assert controls[WEST].faults()["cut_share"] == 0
        _start(planned)
        wait_until(lambda: controls[WEST].faults()["cut_share"] == 0.05, what="the fault is set")
        assert controls[WEST].faults()["seed"] == 3
        assert controls[EAST].faults()["cut_share"] == 0
    assert {region: control.faults() for region, control in controls.items()} == before


def test_end_when_the_run_fails(plan: Plan, controls: dict[str, Control]) -> None:
    planned = plan()
    _start(planned)
    faults = [parse_fault("conflicts=5", REGIONS)]

    def fail() -> None:
        with during(planned.pk, faults, controls, seed=1):
            wait_until(lambda: controls[EAST].faults()["conflicts"] == 5, what="the fault is set")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert controls[EAST].faults()["conflicts"] == 0


class Noted:
    """A region's control; `down` is what its endpoint said of itself after each change."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.down: list[object] = []
        self.clear = control.clear

    def set(self, **settings: Any) -> None:
        """Change the faults."""
        self._control.set(**settings)
        self.down.append(self._control.faults()["down"])


def test_cut_a_region_off_for_a_while(plan: Plan, controls: dict[str, Control]) -> None:
    planned = plan()
    _start(planned)
    noted = {region: Noted(control) for region, control in controls.items()}
    with during(planned.pk, [parse_fault(f"{WEST}:cut=0.1+0.3", REGIONS)], noted, seed=1):
        wait_until(lambda: len(noted[WEST].down) == 3, what="it is cut off, and comes back")
    assert noted[WEST].down == ["", "cut", ""]
    assert noted[EAST].down == [""]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("conflicts=3", Fault("", {"conflicts": 3})),
        ("us-east-2:conflict-share=0.3", Fault(WEST, {"conflict_share": 0.3})),
        ("latency-ms=20", Fault("", {"latency": 0.02})),
        ("us-east-1:cut=2+3", Fault(EAST, {"down": "cut"}, 2.0, 5.0)),
    ],
)
def test_are_named_on_the_command_line(text: str, fault: Fault) -> None:
    assert parse_fault(text, REGIONS) == fault


@pytest.mark.parametrize(
    "text",
    [
        *("", "rain=1", "conflicts", "conflicts=x", "conflicts=-1", "conflict-share=2"),
        *("cut=1+1", "mars-1:conflicts=1"),
    ],
)
def test_are_refused_where_there_is_no_such(text: str) -> None:
    with pytest.raises(BadFault):
        parse_fault(text, REGIONS)


def test_are_refused_where_they_would_not_strike(plan: Plan) -> None:
    with pytest.raises(CannotStampede, match="goes past them"):
        plan(contender="read-committed", faults=["conflicts=1"])


def test_are_one_stampede_s_at_a_time(plan: Plan, rush: Event) -> None:
    plan(buyers=2, faults=["conflicts=1"])
    seat = rush.seats.get(guid="Floor-A-2")
    plan(buyers=2, seat=rush.seats.get(guid="Floor-A-3"))
    with pytest.raises(CannotStampede, match="Another stampede with faults runs"):
        plan(buyers=2, seat=seat, faults=["conflicts=1"])


def test_end_with_the_stampede_when_its_command_was_killed(
    plan: Plan, controls: dict[str, Control]
) -> None:
    planned = plan(buyers=2, faults=["conflicts=9"])
    other = Stampede.objects.create(
        event=planned.event, buyers=1, created_at=timezone.now(), options={"faults": ["x"]}
    )
    controls[EAST].set(conflicts=9)
    end_faults(planned, lambda regions: {each: controls[each] for each in regions})
    assert controls[EAST].faults()["conflicts"] == 9, "the other one's by now"
    other.delete()
    end_faults(planned, lambda regions: {each: controls[each] for each in regions})
    assert controls[EAST].faults()["conflicts"] == 0
