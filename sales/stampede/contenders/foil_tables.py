"""Tables of a foil's own: the product's, in a schema of their own, without the one unique index.

The schema's name is the stampede's, so two at once do not disturb each other. It is made when the
stampede begins and dropped with its report; what a killed run left goes when the next one begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from psycopg import IsolationLevel
from psycopg.sql import SQL, Identifier

from sales.models import Event, PriceCategory, PriceType, Seat, SeatStatus, Stampede, StampedeState
from sales.stampede.contenders.base import Run, Unavailable
from sales.stampede.crowd import BATCH_ROWS
from worldseat.dsql.base import DatabaseWrapper

__all__ = ["GUARD", "drop", "foil_connection", "make", "on_foil", "server"]

# What the foils do without, so that the isolation alone is on trial.
GUARD = "one_valid_ticket_a_seat"

_SCHEMA = re.compile(r"stampede_([0-9a-f]{32})")
_ACTIVE = (StampedeState.PLANNED, StampedeState.RUNNING)


def server() -> dict[str, Any]:
    """Return the settings of the PostgreSQL for foils; raises Unavailable where there is none."""
    given: dict[str, Any] | None = settings.FOIL_DATABASE
    if given is not None:
        return given
    ours = connections[DEFAULT_DB_ALIAS].settings_dict
    if ours["OPTIONS"].get("iam", True):
        raise Unavailable(
            "There is no PostgreSQL for it: run `manage.py local` or the demo, or name one in "
            "WORLDSEAT_FOIL_DATABASE_URL."
        )
    return {name: ours[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}


def make(run: Run) -> None:
    """Make the schema with empty copies of our tables, and copy the event and its seats.

    A task that is delivered twice finds the schema there, and leaves it alone.
    """
    schema = _schema_of(run.stampede_id)
    _drop_forgotten()
    rows = _load_rows(run)
    with _administering() as admin:
        found = admin.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
        if found.fetchone():
            return
        admin.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    with on_foil(run, IsolationLevel.READ_COMMITTED) as foil:
        with foil.schema_editor() as editor:
            for model in apps.get_app_config("sales").get_models():
                editor.create_model(model)
            # Foreign keys lead out of the schema, and nothing of an event is deleted in a run.
            editor.deferred_sql = [each for each in editor.deferred_sql if _is_kept(str(each))]
        for each in rows:
            type(each[0])._default_manager.bulk_create(each, batch_size=BATCH_ROWS)


def _is_kept(statement: str) -> bool:
    return "FOREIGN KEY" not in statement and GUARD not in statement


def _load_rows(run: Run) -> list[list[Any]]:
    """Load what a sale reads: the event, its prices and its seats, which are all free there."""
    seats = list(Seat.objects.filter(event_id=run.event_id))
    for seat in seats:
        seat.status, seat.hold_id, seat.held_until = SeatStatus.AVAILABLE, None, None
    kinds: list[Any] = [
        Event.objects.filter(pk=run.event_id),
        PriceCategory.objects.filter(event_id=run.event_id),
        PriceType.objects.filter(category__event_id=run.event_id),
        seats,
    ]
    return [rows for kind in kinds if (rows := list(kind))]


def drop(run: Run) -> None:
    """Drop the schema and everything in it."""
    with _administering() as admin:
        _drop(admin, _schema_of(run.stampede_id))


def foil_connection(run: Run, level: IsolationLevel) -> DatabaseWrapper:
    """Return a connection of our backend, not open yet, that sees the foil's tables alone."""
    return DatabaseWrapper(
        {
            **connections[DEFAULT_DB_ALIAS].settings_dict,
            **server(),
            "CONN_HEALTH_CHECKS": False,
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "iam": False,
                "isolation_level": level,
                "options": f"-c search_path={_schema_of(run.stampede_id)}",
            },
        }
    )


@contextmanager
def on_foil(run: Run, level: IsolationLevel) -> Iterator[DatabaseWrapper]:
    """Let this thread's database be the foil's, until the block is left.

    So the very functions of the product run against it: `connections` belongs to the thread.
    """
    before = connections[DEFAULT_DB_ALIAS]
    foil = foil_connection(run, level)
    connections[DEFAULT_DB_ALIAS] = foil
    try:
        yield foil
    finally:
        foil.close()
        connections[DEFAULT_DB_ALIAS] = before


@contextmanager
def _administering() -> Iterator[psycopg.Connection[Any]]:
    """Connect to the foils' server; its errors are Django's, as everywhere."""
    given = server()
    try:
        with psycopg.connect(
            dbname=given["NAME"],
            user=given["USER"],
            password=given["PASSWORD"],
            host=given["HOST"],
            port=given["PORT"],
            autocommit=True,
        ) as admin:
            yield admin
    except psycopg.Error as error:
        raise Error(f"The PostgreSQL for foils: {error}") from error


def _drop_forgotten() -> None:
    """Drop the schemas of stampedes that are over or gone: their workers were killed."""
    with _administering() as admin:
        names = [name for (name,) in admin.execute("SELECT nspname FROM pg_namespace").fetchall()]
        ours = {UUID(match[1]): name for name in names if (match := _SCHEMA.fullmatch(name))}
        active = Stampede.objects.filter(pk__in=ours, state__in=_ACTIVE)
        for stampede_id in ours.keys() - set(active.values_list("pk", flat=True)):
            _drop(admin, ours[stampede_id])


def _drop(admin: psycopg.Connection[Any], schema: str) -> None:
    admin.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))


def _schema_of(stampede_id: UUID) -> str:
    return f"stampede_{stampede_id.hex}"
