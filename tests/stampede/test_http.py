"""The same buyers over HTTP, against a web server that runs."""

from __future__ import annotations

from functools import partial

import pytest
from knox.models import get_token_model
from pytest_django.live_server_helper import LiveServer

from sales.models import Order, Stampede
from sales.stampede.plan import CannotStampede
from sales.stampede.runner import run_share
from sales.stampede.settling import start_stampede
from tests.helpers.cast import at_once
from tests.helpers.stampedes import Plan

pytestmark = pytest.mark.django_db(transaction=True)

REGIONS = ("us-east-1", "us-east-2")


def _run(planned: Stampede) -> Stampede:
    start_stampede(stampede_id=planned.pk, now=planned.created_at)
    shares = [partial(run_share, stampede_id=planned.pk, region=region) for region in REGIONS]
    assert at_once(shares) == [True, True]
    planned.refresh_from_db()
    return planned


def test_sells_once_over_http(plan: Plan, live_server: LiveServer) -> None:
    addresses = dict.fromkeys(REGIONS, live_server.url)
    report = _run(plan(buyers=12, contender="http", addresses=addresses)).report
    assert report
    assert (report["confirmed"], report["rejected"], report["errors"]) == (1, 11, 0)
    assert report["oversold"] == 0
    assert report["witness"]["agree"]
    assert report["retries"] == sum(each["retries"] for each in report["regions"].values())
    # The server says how often it tried; a refusal that is stored is no other try.
    assert report["conflicts"] <= report["retries"] + report["errors"]
    order = Order.objects.get()
    assert order.fan.is_simulated
    assert not get_token_model().objects.exists(), "its tokens end with it"


def test_sells_a_hall_out_over_http(plan: Plan, live_server: LiveServer) -> None:
    addresses = dict.fromkeys(REGIONS, live_server.url)
    planned = _run(plan(buyers=14, contender="http", shape="hall", addresses=addresses))
    assert planned.report
    assert (planned.report["confirmed"], planned.report["rejected"]) == (12, 2)
    assert planned.report["witness"]["agree"]


def test_tells_buyers_that_nobody_answers(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is no refusal: only the witness can say whether it was sold."""
    monkeypatch.setattr("sales.stampede.contenders.http.time.sleep", lambda seconds: None)
    addresses = dict.fromkeys(REGIONS, "http://127.0.0.1:9")
    report = _run(plan(buyers=2, contender="http", addresses=addresses)).report
    assert report
    assert report["unknown"] == 2
    assert report["witness"]["agree"]


def test_asks_for_a_web_server(plan: Plan) -> None:
    with pytest.raises(CannotStampede, match="needs a web server in each region"):
        plan(contender="http")
