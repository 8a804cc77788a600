"""Sixty want one seat, thirty in each region, through the endpoints, with faults: one gets it.

They are a stampede's buyers, and speak to the whole of Django; its witness says whether what they
were told agrees with what is stored. The same for the lean and for the naive form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation
from accounts.tokens import issue_tokens
from sales.lean.purchases import purchase
from sales.models import Order, Stampede
from sales.stampede.contenders.base import Run
from sales.stampede.contenders.http import Http, _Api
from sales.stampede.plan import plan_stampede
from sales.stampede.runner import run_share
from sales.stampede.settling import start_stampede
from tests.helpers.cast import at_once, make_event
from tests.helpers.regions import Regions
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.url import database_from_url
from worldseat.local.endpoint.launch import Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

BUYERS = 60
REGIONS = ("us-east-1", "us-east-2")


class _Through(Http):
    """A stampede's buyers over HTTP, whose web server is this process, on a region's endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @contextmanager
    def open(self, run: Run, region: str, fans: Sequence[UUID]) -> Iterator[_Api]:
        """Log the fans in."""
        tokens = issue_tokens(user_ids=fans, now=timezone.now())
        yield _InProcess(SimpleNamespace(request=_request), run, tokens, self._endpoint)


class _InProcess(_Api):
    def __init__(self, pool: Any, run: Run, tokens: Any, endpoint: Endpoint) -> None:
        super().__init__(pool, run, tokens)
        self._endpoint = endpoint

    def enter(self) -> None:
        """Connect this thread to the region."""
        known = connections["default"].settings_dict
        settings = {**known, **database_from_url(self._endpoint.database_url)}
        connections["default"] = DatabaseWrapper(settings, alias="default")
        connection.ensure_connection()

    def leave(self) -> None:
        """Close the thread's connection."""
        connection.close()


def _request(method: str, path: str, *, body: str, headers: dict[str, str]) -> Any:
    answer = Client(raise_request_exception=False).generic(
        method, path, body, content_type="application/json", headers=headers
    )
    return SimpleNamespace(status=answer.status_code, data=answer.content, headers=answer.headers)


@pytest.mark.parametrize("lean", [True, False], ids=["lean", "naive"])
def test_one_of_sixty_gets_the_seat(
    regions: Regions,
    acme: Organisation,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    lean: bool,
) -> None:
    settings.LEAN_PURCHASES = lean
    lean_ones = _counting(monkeypatch)
    planned = _plan(acme)
    for number, endpoint in enumerate(regions.endpoints):
        endpoint.control.set(
            conflict_share=0.2, cut_after_commit=2, cut_before_commit=1, seed=number
        )
    start_stampede(stampede_id=planned.pk, now=timezone.now())
    shares = [
        partial(run_share, stampede_id=planned.pk, region=region, contender=_Through(endpoint))
        for region, endpoint in zip(REGIONS, regions.endpoints, strict=True)
    ]
    assert at_once(shares) == [True, True]
    planned.refresh_from_db()
    report = planned.report
    assert report
    told = {name: report[name] for name in ("confirmed", "rejected", "errors", "unknown")}
    assert told == {"confirmed": 1, "rejected": BUYERS - 1, "errors": 0, "unknown": 0}, report
    assert report["oversold"] == 0
    assert report["witness"]["agree"], json.dumps(report["witness"], default=str)
    assert report["conflicts"] > 0
    assert Order.objects.count() == 1
    assert bool(lean_ones) == lean


def _plan(acme: Organisation) -> Stampede:
    event = make_event(acme, name="Rush", is_simulation=True)
    stampede_id = plan_stampede(
        event_id=event.pk,
        seat_id=event.seats.get(guid="Floor-A-1").pk,
        buyers=BUYERS,
        regions=django_settings.REGIONS,
        started_by=None,
        now=timezone.now(),
    )
    return Stampede.objects.get(pk=stampede_id)


def _counting(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that gets the lean answers."""
    answered: list[Any] = []

    def note(*arguments: Any, **options: Any) -> Any:
        found = purchase(*arguments, **options)
        if found is not None:
            answered.append(found)
        return found

    monkeypatch.setattr("sales.api.lean.purchase", note)
    return answered
