"""A bucket lets through so many, whoever asks at one instant, and fills up again in its time."""

from __future__ import annotations

import uuid

import pytest
import redis
from pytest_django import Settings

from tests.helpers.cast import at_once
from worldseat.throttling import Check, Policy, take

# How many in how many seconds: so long that none comes back while a test runs.
POLICIES = {"few": (10, 6000), "two": (2, 6000), "many": (100, 6000)}


@pytest.fixture(autouse=True)
def _policies(settings: Settings) -> None:
    settings.THROTTLES = POLICIES


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
        "RateLimit-Policy": '"few";q=10;w=6000',
        "RateLimit": '"few";r=9;t=600',
    }
    left = last.wait_seconds
    assert 500 < left <= 600  # less where the eleven took seconds
    assert last.headers() == {
        "RateLimit-Policy": '"few";q=10;w=6000',
        "RateLimit": f'"few";r=0;t={left}',
        "Retry-After": f"{left}",
    }
    other = take([("few", somebody())])
    assert other is not None
    assert other.allowed


def test_fills_up_again(settings: Settings) -> None:
    who = somebody()
    assert [take([("two", who)]).allowed for _ in range(3)] == [True, True, False]  # type: ignore[union-attr]
    number, seconds = POLICIES["two"]
    # As if they had come so much earlier: the bucket keeps when it will be full, in microseconds.
    key = Check(Policy("two", number, seconds), who).key
    redis.Redis.from_url(settings.REDIS_URL).decrby(key, seconds // number * 1_000_000)
    assert [take([("two", who)]).allowed for _ in range(2)] == [True, False]  # type: ignore[union-attr]


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
    no_valkey: None, connects: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert [take([("few", "x")]) for _ in range(50)] == [None] * 50
    assert connects == ["127.0.0.1:9"]  # the first waits, and nobody after
    assert caplog.text.count("out of reach") <= 2  # not for each of them
