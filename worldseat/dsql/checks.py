"""`manage.py check --database default`: settings and models that hurt on DSQL.

Registered by the backend when it is loaded, through DatabaseValidation (validation.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from worldseat.dsql.auth import ADMIN
from worldseat.dsql.schema_constraints import ascending
from worldseat.dsql.types import unsupported

__all__ = ["check_column", "check_connection", "check_models"]

# DSQL closes a connection after this.
_HOUR = 60 * 60

# Settings of PostgreSQL's that are often put there, and that no session of DSQL may have.
_NO_SESSION_SETTINGS = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "default_transaction_isolation",
)


def check_connection(connection: Any) -> Iterator[CheckMessage]:
    """Yield what is wrong with an entry of DATABASES."""
    configured, alias = connection.settings_dict, connection.alias
    if configured.get("ATOMIC_REQUESTS"):
        yield Error(
            f"ATOMIC_REQUESTS is on for the database {alias!r}: a conflict at the end of a request "
            f"could not be retried, and @occ_retry refuses to run inside a transaction.",
            hint="Remove it; domain functions open their own transactions.",
            id="worldseat.dsql.E001",
        )
    if not configured.get("AUTOCOMMIT", True):
        yield Error(
            f"AUTOCOMMIT is off for the database {alias!r}: each thread is always in a "
            f"transaction, in which no conflict can be retried.",
            hint="Remove it.",
            id="worldseat.dsql.E003",
        )
    yield from _check_caches(alias)
    if not connection.uses_iam:
        return
    yield from _check_age(configured, alias)
    yield from _check_transport(configured, alias)
    yield from _check_session_settings(configured, alias)
    if configured["USER"] == ADMIN and not settings.DEBUG:
        yield Warning(
            f"The database {alias!r} is used as admin, which may do everything.",
            hint="Make a role with `manage.py dsql_cluster grant`, and use admin to migrate only.",
            id="worldseat.dsql.W002",
        )


def _check_age(configured: dict[str, Any], alias: str) -> Iterator[CheckMessage]:
    age = configured.get("CONN_MAX_AGE")
    if configured["OPTIONS"].get("pool"):
        return
    if age is not None and age >= _HOUR:
        yield Warning(
            f"CONN_MAX_AGE of the database {alias!r} is {age} s; DSQL closes a connection after "
            f"an hour, so ours end sooner whatever it says.",
            hint="Set it to 3000, or to None.",
            id="worldseat.dsql.W001",
        )
    if age == 0:
        yield Warning(
            f"CONN_MAX_AGE of the database {alias!r} is 0: each request makes a connection, and "
            f"100 new ones a second are allowed.",
            hint='Set it to 3000, or OPTIONS["pool"].',
            id="worldseat.dsql.W003",
        )
    if age != 0 and not configured.get("CONN_HEALTH_CHECKS"):
        yield Warning(
            f"CONN_HEALTH_CHECKS is off for the database {alias!r}: a request can find its "
            f"connection closed.",
            hint="Switch it on.",
            id="worldseat.dsql.W004",
        )


def _check_transport(configured: dict[str, Any], alias: str) -> Iterator[CheckMessage]:
    mode = configured["OPTIONS"].get("sslmode", "verify-full")
    if mode != "verify-full":
        yield Error(
            f"sslmode of the database {alias!r} is {mode!r}: whoever answers in the cluster's "
            f"place gets a token that is good for 15 minutes.",
            hint="Remove it: verify-full is the default.",
            id="worldseat.dsql.E002",
        )


def _check_session_settings(configured: dict[str, Any], alias: str) -> Iterator[CheckMessage]:
    said = str(configured["OPTIONS"].get("options", ""))
    if refused := [name for name in _NO_SESSION_SETTINGS if name in said]:
        yield Error(
            f'OPTIONS["options"] of the database {alias!r} sets {", ".join(refused)}, which DSQL '
            f"refuses: no connection would be made.",
            hint="Remove it, and keep deadlines in the client.",
            id="worldseat.dsql.E004",
        )


def _check_caches(alias: str) -> Iterator[CheckMessage]:
    for name, cache in settings.CACHES.items():
        if cache.get("BACKEND") == "django.core.cache.backends.db.DatabaseCache":
            yield Warning(
                f"The cache {name!r} is kept in a database. If that is {alias!r}: it relies on "
                f"savepoints, which DSQL does not have. Two that add one key at a time inside "
                f"transactions lose a whole transaction.",
                hint="Keep the cache in Redis, Valkey or Memcached.",
                id="worldseat.dsql.W006",
            )


def check_models(connection: Any) -> Iterator[CheckMessage]:
    """Yield a warning for each index that DSQL has in another way than the model says."""
    if not connection.uses_iam:
        return
    for model in apps.get_models():
        for index in model._meta.indexes:
            if ascending(index) is not index:
                yield Warning(
                    f"The index {index.name} descends; on DSQL it is built ascending, and "
                    f"read backwards. Where only some keys descend it does not serve that order.",
                    hint="Leave out the minus, or order all keys the same way.",
                    obj=model,
                    id="worldseat.dsql.W005",
                )


def check_column(connection: Any, field: Any, kind: str) -> Iterator[CheckMessage]:
    """Yield an error for a field whose type or collation DSQL does not have."""
    if not connection.uses_iam:
        return
    collation = field.db_parameters(connection=connection).get("collation")
    if found := unsupported(kind, collation):
        problem, instead = found
        yield Error(f"The field {problem}.", hint=instead, obj=field, id="worldseat.dsql.E003")
