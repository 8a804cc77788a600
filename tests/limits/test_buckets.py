"""A bucket lets through so many, whoever asks at one instant, and fills up again in its time."""

from __future__ import annotations

import time
import uuid

import pytest
from pytest_django import Settings

from tests.cast import at_once
from worldseat.throttling import take


@pytest.fixture(autouse=True)
def _policies(settings: Settings) -> None:
    settings.THROTTLES = {"few": (10, 60), "quick": (2, 1), "many": (100, 60)}


def somebody() -> str:
    return uuid.uuid4().hex


def test_lets_through_its_number_and_says_when_to_come_back() -> None:
    who = somebody()
    found = [take([("few", who)]) for _ in range(11)]
    assert [bool(each and each.allowed) for each in found] == [True] * 10 + [False]
    first, last = found[0], found[-1]
    assert first is not None
    assert last is not None
    assert first.headers() == {
        "RateLimit-Policy": '"few";q=10;w=60',
        "RateLimit": '"few";r=9;t=6',
    }
    assert last.headers() == {
        "RateLimit-Policy": '"few";q=10;w=60',
        "RateLimit": '"few";r=0;t=6',
        "Retry-After": "6",
    }
    other = take([("few", somebody())])
    assert other is not None
    assert other.allowed


def test_fills_up_again() -> None:
    who = somebody()
    assert [take([("quick", who)]).allowed for _ in range(3)] == [True, True, False]  # type: ignore[union-attr]
    time.sleep(0.55)
    assert [take([("quick", who)]).allowed for _ in range(2)] == [True, False]  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)
def test_no_more_come_through_at_one_instant() -> None:
    who = somebody()
    found = at_once([lambda: take([("few", who)])] * 24)
    assert sum(bool(each and each.allowed) for each in found) == 10  # type: ignore[union-attr]


def test_takes_from_all_buckets_or_from_none() -> None:
    who = somebody()
    for _ in range(10):
        take([("few", who)])
    refused = take([("many", who), ("few", who)])
    assert refused is not None
    assert (refused.allowed, refused.tightest.name) == (False, "few")
    left = take([("many", who)])
    assert left is not None
    assert left.left == 99


def test_a_policy_that_is_off_limits_nobody(settings: Settings) -> None:
    assert take([("no-such", somebody())]) is None
    settings.THROTTLING = False
    assert take([("few", somebody())]) is None


def test_without_valkey_all_are_let_through_at_once(
    no_valkey: None, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    assert [take([("few", "x")]) for _ in range(50)] == [None] * 50
    assert time.monotonic() - began < 1
    assert caplog.text.count("out of reach") <= 2  # not for each of them
