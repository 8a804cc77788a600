"""Who watches a sale is told the truth, at a cost that does not grow with the watchers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from sales import occupancy
from sales.availability import Availability, availability
from sales.events import EventNotFound
from sales.models import Event, EventState, PriceCategory, Seat
from tests.helpers.cast import at_once, make_fans
from tests.helpers.payments import SOON, hold

pytestmark = pytest.mark.django_db(transaction=True)

WATCHERS = 12


@pytest.fixture(autouse=True)
def other_process() -> None:
    """Begin as a process that has no copies."""
    occupancy._copies = occupancy._Copies()


def look(event: Event, now: datetime, since: str | None = None) -> Availability:
    return availability(event_id=event.pk, user=AnonymousUser(), since=since, now=now)


@contextmanager
def counting(counted: Counter[str]) -> Iterator[None]:
    """Count the statements on this thread's connection by their first word."""

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        counted[sql.split()[0]] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield


def reads_of(watchers: int, event: Event, now: datetime) -> int:
    """Count what watchers who look at once read, however long this machine takes to read it."""
    counted: Counter[str] = Counter()

    def watch() -> Availability:
        with counting(counted):
            return look(event, now)

    with pytest.MonkeyPatch.context() as patch:
        # Else who has waited that long for whoever reads would read once more.
        patch.setattr(occupancy, "RENEW_AFTER", timedelta(seconds=15))
        answers = at_once([watch] * watchers)
    assert all(isinstance(each, Availability) for each in answers), answers
    return counted["SELECT"]


def test_many_watchers_read_the_database_as_often_as_one(event: Event, now: datetime) -> None:
    alone = reads_of(1, event, now)
    assert alone == 3
    later = now + timedelta(seconds=20)
    assert reads_of(WATCHERS, event, later) == 1
    assert reads_of(WATCHERS, event, later) == 0


def test_who_gets_the_lease_late_takes_what_was_read_meanwhile(
    event: Event, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(event, now)
    later, counted = now + timedelta(seconds=20), Counter[str]()

    class Late:
        """The cache, with another watcher between our look and our lease."""

        get = cache.get

        def add(self, *lease: Any) -> Any:
            monkeypatch.setattr(occupancy, "cache", cache)
            look(event, later)
            return cache.add(*lease)

    monkeypatch.setattr(occupancy, "cache", Late())
    with counting(counted):
        assert look(event, later).age < timedelta(seconds=1)
    assert counted["SELECT"] == 1


def test_another_process_takes_the_copy(event: Event, now: datetime) -> None:
    assert reads_of(1, event, now) == 3
    occupancy._copies = occupancy._Copies()
    assert reads_of(WATCHERS, event, now + timedelta(seconds=0.4)) == 0


def test_says_how_old_the_copy_is_and_never_gives_an_older_one(
    event: Event, seat: Seat, now: datetime
) -> None:
    look(event, now)
    Seat.objects.filter(pk=seat.pk).update(status="sold", changed_at=now)
    later = now + timedelta(seconds=0.9)
    cache.add(f"occupancy:1:{event.pk}:lease", 1, 10)
    copy = look(event, later)
    assert copy.changed == []
    assert copy.cursor.seen_at + copy.age == pytest.approx(later, abs=timedelta(milliseconds=1))
    assert copy.age > timedelta(0)
    cache.delete(f"occupancy:1:{event.pk}:lease")
    late = look(event, now + timedelta(seconds=1))
    assert late.changed == [(str(seat.pk), "sold")]
    assert late.age < timedelta(seconds=1)


def test_when_the_reader_has_died_another_one_reads(
    event: Event, seat: Seat, now: datetime
) -> None:
    look(event, now)
    cache.add(f"occupancy:1:{event.pk}:lease", 1, 1)
    Seat.objects.filter(pk=seat.pk).update(status="sold", changed_at=now)
    assert look(event, now + timedelta(seconds=2)).changed == [(str(seat.pk), "sold")]


def test_without_the_cache_each_process_reads_for_itself(
    event: Event, seat: Seat, now: datetime, settings: Settings
) -> None:
    nowhere = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}
    settings.CACHES = {"default": nowhere}
    assert reads_of(WATCHERS, event, now) == 3
    Seat.objects.filter(pk=seat.pk).update(status="sold", changed_at=now)
    assert look(event, now + timedelta(seconds=1)).changed == [(str(seat.pk), "sold")]


def test_a_hold_that_expires_is_told_though_nobody_writes(
    seats: list[Seat], event: Event, fay: User, now: datetime
) -> None:
    hold(seats[:1], fay, now=now)
    first = look(event, now)
    front = str(seats[0].category_id)
    assert first.changed == [(str(seats[0].pk), "held")]
    assert (first.counts[front]["held"], first.counts[front]["available"]) == (1, 5)
    before = look(event, now + timedelta(seconds=100), first.cursor.encode())
    before = look(event, now + timedelta(seconds=200), before.cursor.encode())
    assert before.changed == []
    after = look(event, now + SOON, before.cursor.encode())
    assert after.changed == [(str(seats[0].pk), "available")]
    assert (after.counts[front]["held"], after.counts[front]["available"]) == (0, 6)
    assert look(event, now + SOON + timedelta(minutes=1)).changed == []
    (other,) = make_fans(1)
    hold(seats[:1], other, now=now + SOON)
    taken = look(event, now + SOON + timedelta(minutes=2), after.cursor.encode())
    assert taken.changed == [(str(seats[0].pk), "held")]


def test_counts_a_seat_in_the_category_it_was_moved_to(
    event: Event, seat: Seat, now: datetime
) -> None:
    first = look(event, now)
    before = occupancy.occupancy_of(event_id=event.pk, now=now).categories_digest
    back = PriceCategory.objects.get(event=event, name="Back")
    Seat.objects.filter(pk=seat.pk).update(category=back, changed_at=now)
    later = now + timedelta(seconds=2)
    assert first.counts[str(back.pk)]["available"] == 6
    assert look(event, later).counts[str(back.pk)]["available"] == 7
    assert occupancy.occupancy_of(event_id=event.pk, now=later).categories_digest != before


def test_a_draft_is_shown_to_its_organisation_alone(
    draft: Event, alice: User, charlie: User, fay: User, now: datetime
) -> None:
    """The copy is there, and is no way around."""
    assert len(availability(event_id=draft.pk, user=alice, since=None, now=now).counts) == 2
    for other in (AnonymousUser(), charlie, fay):
        with pytest.raises(EventNotFound):
            availability(event_id=draft.pk, user=other, since=None, now=now)


def test_an_event_made_a_draft_again_is_hidden_within_a_second(event: Event, now: datetime) -> None:
    look(event, now)
    Event.objects.update(state=EventState.DRAFT)
    with pytest.raises(EventNotFound):
        look(event, now + timedelta(seconds=1))


def test_a_watcher_with_a_token_costs_no_query(
    api_as: Any, fay: User, event: Event, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All look within the second for which a copy is good.
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    url = f"/api/v1/events/{event.pk}/availability/"
    clients = [APIClient(), api_as(fay)]
    clients[0].get(url)
    counted: Counter[str] = Counter()
    with counting(counted):
        assert [api.get(url).status_code for api in clients] == [200, 200]
    assert not counted, counted


def test_reads_little_again(event: Event, seats: list[Seat], now: datetime) -> None:
    """A refresh asks for what was changed lately, not for the whole hall."""
    look(event, now)
    sold = partial(Seat.objects.filter(pk=seats[3].pk).update, status="sold")
    sold(changed_at=now - occupancy.LATEST_COMMIT + timedelta(seconds=1))
    assert look(event, now + timedelta(seconds=1)).changed == [(str(seats[3].pk), "sold")]
