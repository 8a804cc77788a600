"""Bursts of buyers, holders and doors in two regions with faults: the invariants always hold.

Hypothesis draws what happens, and shows the run that failed. `make long-run` draws twenty-five
times as much, and other runs each time.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import Error
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from sales.idempotency import Answer
from tests.helpers.invariants import broken_invariants
from tests.helpers.regions import Regions
from tests.sales.machine.world import ACTS, KEYED, REFUSALS, Act, World, make_world
from worldseat.dsql.occ import OutcomeUnknown, is_conflict, is_connection_lost

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

MINUTE = timedelta(minutes=1)
ROUNDS = int(os.environ.get("WORLDSEAT_LONG_RUN", "0"))
EXAMPLES, STEPS = (ROUNDS, 30) if ROUNDS else (10, 12)

acts = st.builds(
    Act,
    name=st.sampled_from(sorted(ACTS)) | st.sampled_from(["buy", "hold", "hold", "pay", "pay"]),
    region=st.integers(0, 1),
    fan=st.integers(0, 2),
    one=st.integers(0, 11),
    two=st.integers(0, 11),
)
# A conflict now and then, and at most one connection lost in a region.
faults = st.fixed_dictionaries(
    {
        "conflict_share": st.sampled_from([0.0, 0.0, 0.3]),
        "cut_before_commit": st.sampled_from([0, 0, 0, 1]),
        "cut_after_commit": st.sampled_from([0, 0, 0, 1]),
        "seed": st.integers(0, 1000),
    }
)


class Sale(RuleBasedStateMachine):
    """One event, and all that is done to it."""

    regions: Regions

    @initialize()
    def open(self) -> None:
        """Put an event on sale."""
        self.world = make_world()

    @rule(burst=st.lists(acts, min_size=2, max_size=4), twice=st.booleans(), wrong=faults)
    def rush(self, burst: list[Act], twice: bool, wrong: dict[str, Any]) -> None:
        """Let several people act at once, perhaps one of them twice, while things go wrong."""
        if twice:
            burst = [*burst, burst[0]]
        for endpoint in self.regions.endpoints:
            endpoint.control.set(**wrong)
        told = self._do(burst)
        self.regions.clear_faults()
        for act, answer in zip(burst, told, strict=True):
            assert_known(act, answer)
        self._repeat(burst, told)
        self._check()

    @rule(minutes=st.sampled_from([5, 11]))
    def wait(self, minutes: int) -> None:
        """Let time pass: holds expire."""
        self.world.now += minutes * MINUTE
        self._check()

    def _do(self, burst: list[Act]) -> list[Any]:
        world = self.world
        return self.regions.at_once([(act.region, partial(attempt, world, act)) for act in burst])

    def _repeat(self, burst: list[Act], told: list[Any]) -> None:
        """Ask again under the same key: who was told yes is told the same, and who was told
        nothing learns what has become of her request."""
        keyed = [
            (act, answer)
            for act, answer in zip(burst, told, strict=True)
            if act.name in KEYED and not isinstance(answer, REFUSALS)
        ]
        again = self._do([act for act, _ in keyed])
        for (act, first), second in zip(keyed, again, strict=True):
            if isinstance(first, Exception):
                assert isinstance(second, Answer | REFUSALS) or hasattr(second, "pk"), (act, second)
            else:
                assert answered(second) == answered(first), act

    def _check(self) -> None:
        broken = broken_invariants(event_id=self.world.event.pk, now=self.world.latest)
        assert not broken, broken


def attempt(world: World, act: Act) -> Any:
    """Do something; what goes wrong is returned, so that all of a burst is seen."""
    try:
        return ACTS[act.name](world, act)
    except Exception as error:
        return error


def answered(told: Any) -> str:
    """Return the id of what was bought or held."""
    return str(told.body["id"] if isinstance(told, Answer) else told.pk)


def assert_known(act: Act, told: Any) -> None:
    """Check that an error is one that a client is told of: a refusal, or a fault we made."""
    if not isinstance(told, Exception) or isinstance(told, REFUSALS):
        return
    if isinstance(told, Error) and (
        isinstance(told, OutcomeUnknown) or is_conflict(told) or is_connection_lost(told)
    ):
        return
    raise AssertionError(act) from told


def test_keeps_its_invariants(regions: Regions, instant_retries: None) -> None:
    Sale.regions = regions
    run_state_machine_as_test(
        Sale,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            # Threads do not fall twice in one order, so there is no shorter run to look for.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
