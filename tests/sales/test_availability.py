"""A watcher who goes on from her cursor misses no change, however late it is committed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser

from sales.availability import (
    DEEP_EVERY,
    DEEP_OVERLAP,
    OVERLAP,
    BadCursor,
    Cursor,
    availability,
)
from sales.models import Event, Seat

pytestmark = pytest.mark.django_db(transaction=True)


def look(event: Event, now: datetime, since: str | None = None) -> tuple[str, set[str]]:
    found = availability(event_id=event.pk, user=AnonymousUser(), since=since, now=now)
    labels = {str(seat.pk): seat.label for seat in event.seats.all()}
    return found.cursor.encode(), {labels[seat] for seat, _ in found.changed}


def commit_sale(seat: Seat, *, stamped: datetime) -> None:
    """Make a sale visible now that took its time before."""
    Seat.objects.filter(pk=seat.pk).update(status="sold", changed_at=stamped)


def test_hears_of_a_sale_that_began_before_she_looked(event: Event, seat: Seat) -> None:
    now = event.on_sale_at
    cursor, _ = look(event, now)
    commit_sale(seat, stamped=now - OVERLAP + timedelta(seconds=1))
    _, changed = look(event, now + timedelta(seconds=2), cursor)
    assert changed == {"A-1"}


def test_hears_within_minutes_of_a_sale_that_stood_still_before_its_commit(
    event: Event, seat: Seat
) -> None:
    now = event.on_sale_at
    cursor, _ = look(event, now)
    stamped = now - DEEP_OVERLAP + timedelta(seconds=20)
    commit_sale(seat, stamped=stamped)
    heard = []
    for seconds in range(10, int(DEEP_EVERY.total_seconds()) + 11, 10):
        cursor, changed = look(event, now + timedelta(seconds=seconds), cursor)
        heard += [(seconds, seat) for seat in changed]
    assert heard == [(300, "A-1")]


def test_does_not_hear_of_the_same_sale_for_ever(event: Event, seat: Seat) -> None:
    now = event.on_sale_at
    cursor, _ = look(event, now)
    commit_sale(seat, stamped=now)
    told = 0
    for seconds in range(10, 100, 10):
        cursor, changed = look(event, now + timedelta(seconds=seconds), cursor)
        told += len(changed)
    assert told == 4  # at 10 s, and while the overlap lasts: looks at 0, 10, 20, 30


def test_looks_deep_again_after_a_deep_look(event: Event) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    cursor = Cursor(uuid4(), start, start)
    soon = start + timedelta(seconds=30)
    assert cursor.since(soon) == start - OVERLAP
    assert cursor.moved(soon).deep_at == start
    late = start + DEEP_EVERY
    assert cursor.since(late) == start - DEEP_OVERLAP
    assert cursor.moved(late).deep_at == late


def test_takes_a_cursor_of_its_event_only_and_of_the_past(event: Event, now: datetime) -> None:
    text, _ = look(event, now)
    assert Cursor.decode(text, event_id=event.pk, now=now).event_id == event.pk
    with pytest.raises(BadCursor):
        Cursor.decode(text, event_id=uuid4(), now=now)
    with pytest.raises(BadCursor):
        Cursor.decode(text, event_id=event.pk, now=now - timedelta(minutes=1))


def test_takes_a_cursor_from_a_copy_that_was_newer(event: Event, now: datetime) -> None:
    """Another server's copy is half a second older than the one she was last told of."""
    newer = Cursor(event.pk, now + timedelta(seconds=0.4), now + timedelta(seconds=0.4))
    text, _ = look(event, now, newer.encode())
    again = Cursor.decode(text, event_id=event.pk, now=now)
    assert again.seen_at >= again.deep_at
