"""The simulation finds the order fair, also when Valkey restarts, and would say if it were not."""

from __future__ import annotations

import json
import os
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organisation
from sales.models import QueuePlace
from sales.waiting_room import standing

JOINERS = int(os.environ.get("WORLDSEAT_QUEUE_JOINERS", "0"))

pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True)]


def simulate(**options: Any) -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("simulate_queue", "--json", stdout=out, stderr=StringIO(), **options)
    except CommandError:
        assert json.loads(out.getvalue())["wrong"]
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_is_fair_from_two_regions_through_a_restart_of_valkey() -> None:
    found = simulate(joiners=300, rate=200, restart_valkey=True)
    assert found["wrong"] == []
    assert found["joined"] == 300
    assert found["admitted"] + found["sold_out"] + found["left"] == 300
    assert found["late_inversions"] == 0
    assert not QueuePlace.objects.exists()
    assert not Organisation.objects.exists()


@pytest.mark.skipif(not JOINERS, reason="make queue-simulation")
@pytest.mark.timeout(3600)
def test_is_fair_to_as_many_as_asked_for() -> None:
    call_command("simulate_queue", joiners=JOINERS, rate=max(JOINERS // 5, 60), restart_valkey=True)


def test_a_seed_repeats_the_order() -> None:
    first, again, other = (
        simulate(joiners=20, rate=120, regions=1, seed=seed)["draw_distance"] for seed in (7, 7, 8)
    )
    assert first == again != other


def test_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    # Who joins early, before the sale, gets the better place.
    monkeypatch.setattr(
        standing.Standing,
        "place_of",
        lambda self, ticket: 0.5 + (ticket.joined_at - self.on_sale_at).total_seconds() / 2000,
    )
    found = simulate(joiners=60, rate=60, regions=1)
    assert "When one joined before the sale made a difference." in found["wrong"]
