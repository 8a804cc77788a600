"""An event that is a simulation, stampedes at it, and workers to run them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Organisation
from sales.models import Event, Seat, Shape, Stampede
from sales.stampede.options import Options
from sales.stampede.plan import plan_stampede
from tests.helpers.cast import make_event
from tests.helpers.crew import broker_url, point_celery_at
from tests.helpers.stampedes import Plan


@pytest.fixture
def rush(acme: Organisation) -> Event:
    """Acme's event that is a simulation, on sale."""
    return make_event(acme, name="Rush", is_simulation=True)


@pytest.fixture
def wanted(rush: Event) -> Seat:
    """Seat A-1 of `rush`: the one that everybody wants."""
    return rush.seats.get(guid="Floor-A-1")


@pytest.fixture
def plan(wanted: Seat) -> Plan:
    """Plan stampedes at the wanted seat: `plan(buyers=60, contender="http")`."""

    def make(*, buyers: int = 4, seat: Seat = wanted, **options: Any) -> Stampede:
        chosen = Options(**options)
        stampede_id = plan_stampede(
            event_id=seat.event_id,
            seat_id=seat.pk if chosen.shape == Shape.ONE_SEAT else None,
            options=chosen,
            buyers=buyers,
            regions=settings.REGIONS,
            started_by=None,
            now=timezone.now(),
        )
        return Stampede.objects.get(pk=stampede_id)

    return make


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a region start without the others, and at once: there is nobody who has to hear of it."""
    monkeypatch.setattr("sales.stampede.starting_line.PATIENCE", timedelta(0))
    monkeypatch.setattr("sales.stampede.starting_line.HEAD_START", timedelta(0))


@pytest.fixture
def no_workers() -> Iterator[None]:
    """A broker that nobody takes tasks from."""
    before = point_celery_at(broker_url(served=False))
    yield
    point_celery_at(before)
