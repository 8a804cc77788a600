"""A hall with as many seats as one likes, fans with tokens, and how all is unsold again.

Rows are copied from one that the product has made, by SQL, so that 100,000 take a few seconds. Ids
are made of numbers: `seat 7` is md5('seat7') everywhere, also in pgbench's scripts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg

from tests.benchmarks.stage import Stage, made_id

__all__ = [
    "Hall",
    "HallRanOut",
    "grow_fans",
    "make_hall",
    "purchase_requests",
    "remove_hall",
    "unsell",
]

# What a sale writes, apart from the seat.
_WRITTEN = "sales_order, sales_ticket, sales_ledgerentry, sales_storedanswer, sales_allowance"


@dataclass(frozen=True)
class Hall:
    """An event with seats number `first` to `first + seats - 1`, and fans 0 to `fans - 1`."""

    event: UUID
    seats: int
    fans: int
    first: int = 0


class HallRanOut(RuntimeError):
    """All seats were sold before the time was over, so that a figure is not valid."""

    def __init__(self, who: str, *, seats: int, seconds: float) -> None:
        super().__init__(
            f"{who}: the hall of {seats:,} seats ran out before its {seconds:g} s were over; this "
            "figure is not valid, and the rest of the case was not measured"
        )
        self.who = who
        self.seats = seats
        self.seconds = seconds


def make_hall(stage: Stage, *, seats: int, fans: int) -> Hall:
    """Make an event in a hall with so many seats, all free, and see to so many fans."""
    from sales.models import Event, PriceCategory, Seat
    from tests.helpers.cast import make_event, make_organisation

    name, first = uuid4().hex[:10], stage.seats_made
    stage.seats_made += seats
    event = make_event(make_organisation(name), name=name, rows="A", seats_a_row=1)
    template = Seat.objects.get(event=event)
    number = f"({first} + i)::text"
    _copy(
        stage,
        "sales_seat",
        template.pk,
        seats,
        {
            "id": f"md5('seat' || {number})::uuid",
            "guid": f"'Floor-' || {number}",
            "row": f"(({first} + i) / 50)::text",
            "number": f"(({first} + i) % 50)::text",
            "position": f"{first} + i + 10",
        },
    )
    Seat.objects.filter(pk=template.pk).delete()
    PriceCategory.objects.filter(event=event).exclude(seats__isnull=False).delete()
    Event.objects.filter(pk=event.pk).update(limit_per_fan=10)
    grow_fans(stage, fans)
    stage.execute("ANALYZE")
    return Hall(event.pk, seats, fans, first)


def remove_hall(stage: Stage, hall: Hall) -> None:
    """Take every sale back, and a hall's seats away: other cases do not store them."""
    unsell(stage)
    stage.execute("DELETE FROM sales_seat WHERE event_id = %s", [hall.event])
    stage.execute("VACUUM ANALYZE sales_seat")


def grow_fans(stage: Stage, number: int) -> None:
    """See to it that fans 0 to `number - 1` are there, each with a token."""
    from knox.crypto import hash_token

    from accounts.models import User

    ((known,),) = stage.execute(
        "SELECT count(*) FROM accounts_user WHERE email LIKE 'bench%@example.com'"
    )
    if known >= number:
        return
    template = User.objects.create(email=f"{uuid4().hex}@example.com", password="!")
    changes = {
        "id": f"md5('fan' || {known} + i)::uuid",
        "email": f"'bench' || {known} + i || '@example.com'",
    }
    _copy(stage, "accounts_user", template.pk, number - known, changes)
    with psycopg.connect(stage.database_url) as connection, connection.cursor() as cursor:
        columns = "digest, token_key, user_id, created, expiry"
        with cursor.copy(f"COPY knox_authtoken ({columns}) FROM STDIN") as copy:
            now = datetime.now(UTC)
            for fan in range(known, number):
                text = token(fan)
                row = (hash_token(text), text[:15], made_id(f"fan{fan}"), now, now + timedelta(1))
                copy.write_row(row)


def token(fan: int) -> str:
    """Return the token of a fan."""
    return hashlib.sha256(f"token{fan}".encode()).hexdigest()


def _copy(stage: Stage, table: str, template: UUID, number: int, changes: dict[str, str]) -> None:
    """Write a row so many times, with other values in some columns: SQL that may use `i`."""
    rows = stage.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
        "AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    columns = [name for (name,) in rows]
    values = [changes.get(name, f't."{name}"') for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    stage.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} "
        f"FROM {table} t, generate_series(0, {number - 1}) AS i WHERE t.id = '{template}'"
    )


def unsell(stage: Stage) -> None:
    """Take every sale back, as if there had been none."""
    stage.execute(f"TRUNCATE {_WRITTEN} CASCADE")
    stage.execute(
        "UPDATE sales_seat SET status = 'available', hold_id = NULL, held_until = NULL "
        "WHERE status <> 'available'"
    )
    stage.execute("VACUUM ANALYZE sales_seat")
    stage.execute("CHECKPOINT")


def purchase_requests(
    hall: Hall, *, number: int | None = None, one_seat: int | None = None
) -> list[str]:
    """Return whole HTTP requests: fan n buys seat n, or all of them `one_seat`."""
    return [
        _purchase(hall, hall.first + at if one_seat is None else one_seat, at % hall.fans)
        for at in range(number or hall.seats)
    ]


def _purchase(hall: Hall, seat: int, fan: int) -> str:
    body = f'{{"seat": "{made_id(f"seat{seat}")}"}}'
    return (
        f"POST /api/v1/events/{hall.event}/purchases/ HTTP/1.1\r\n"
        f"Host: localhost\r\nAuthorization: Bearer {token(fan)}\r\n"
        f"Idempotency-Key: {uuid4()}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
