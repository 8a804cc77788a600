"""The roll: who joined a waiting room, written to the database in batches.

A rush of joiners must not be a rush of transactions. So a process keeps its new places for up
to a second and writes them together; whoever comes next does it. A place that is lost with its
process is none the worse: its ticket says all, and the row is made from it when its turn comes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import Error, IntegrityError

from sales.models import QueuePlace, WaitingRoom
from sales.waiting_room.draw import draw_of, place_id
from sales.waiting_room.standing import Standing
from sales.waiting_room.tokens import QueueTicket
from worldseat.dsql.occ import occ_retry

__all__ = ["MOST_TURNS", "Roll", "admit", "find_place", "join_anew", "new_place"]

WRITE_EVERY = timedelta(seconds=1)
ROWS_AT_ONCE = 1000
# How many passes a fan may have of one event, one after the other.
MOST_TURNS = 20

_log = logging.getLogger(__name__)


def new_place(standing: Standing, ticket: QueueTicket, region: str) -> QueuePlace:
    """Return the row that says the same as a ticket, not yet written."""
    own = place_id(event_id=ticket.event_id, fan_id=ticket.fan_id, turn=ticket.turn)
    return QueuePlace(
        id=own,
        room_id=standing.room_id,
        fan_id=ticket.fan_id,
        joined_at=ticket.joined_at,
        draw=draw_of(seed=standing.seed, place_id=own),
        turn=ticket.turn,
        region=region,
    )


class Roll:
    """The places of a process that are not written yet."""

    def __init__(self) -> None:
        self._kept: list[QueuePlace] = []
        self._lock = threading.Lock()
        self._written_at: datetime | None = None

    def add(self, place: QueuePlace) -> None:
        """Keep a place until it is written."""
        with self._lock:
            self._kept.append(place)

    def write(self, now: datetime) -> None:
        """Write what is kept, if it is time to.

        What the database does not take now is kept; nobody who joins has to know.
        """
        with self._lock:
            recent = self._written_at and timedelta(0) <= now - self._written_at < WRITE_EVERY
            if not self._kept or recent:
                return
            taken, self._kept, self._written_at = self._kept, [], now
        while taken:
            try:
                taken = _write_some(taken)
            except Error:
                _log.exception("%d places of a waiting room could not be written yet.", len(taken))
                with self._lock:
                    self._kept[:0] = taken
                return


def _write_some(places: list[QueuePlace]) -> list[QueuePlace]:
    """Write the first places, and return those that are left.

    A room may have been deleted: its places must not keep those of others from being written.
    """
    try:
        _write(places=places[:ROWS_AT_ONCE])
    except IntegrityError:
        known = _of_known_rooms(places=places)
        if len(known) == len(places):
            raise
        return known
    return places[ROWS_AT_ONCE:]


@occ_retry(repeatable=True)
def _of_known_rooms(*, places: Sequence[QueuePlace]) -> list[QueuePlace]:
    wanted = {place.room_id for place in places}
    known = set(WaitingRoom.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    return [place for place in places if place.room_id in known]


@occ_retry(repeatable=True)
def _write(*, places: Sequence[QueuePlace]) -> None:
    QueuePlace.objects.bulk_create(places, ignore_conflicts=True)


def find_place(*, event_id: UUID, fan_id: UUID) -> QueuePlace | None:
    """Return a fan's place as it was written, if it was: her last one.

    One statement by itself, without a transaction around it: whoever joins late sends it.
    """
    ids = [place_id(event_id=event_id, fan_id=fan_id, turn=turn) for turn in range(MOST_TURNS)]
    return QueuePlace.objects.filter(pk__in=ids).order_by("-turn").first()


@occ_retry(repeatable=True)
def admit(*, place: QueuePlace, now: datetime) -> QueuePlace:
    """Let a place in whose turn it is, once, and return it as it is written."""
    rows = QueuePlace.objects.filter(pk=place.pk)
    if not rows.filter(admitted_at__isnull=True).update(admitted_at=now):
        # She has come before, or her place was never written.
        place.admitted_at = now
        QueuePlace.objects.bulk_create([place], ignore_conflicts=True)
        return rows.get()
    place.admitted_at = now
    return place


@occ_retry(repeatable=True)
def join_anew(*, place: QueuePlace) -> QueuePlace:
    """Write the place of a fan whose pass has ended, once, and return it as it is written."""
    QueuePlace.objects.bulk_create([place], ignore_conflicts=True)
    return QueuePlace.objects.get(pk=place.pk)
