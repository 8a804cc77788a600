"""The Django database backend for Amazon Aurora DSQL: `ENGINE = "worldseat.dsql"`.

It is django.db.backends.postgresql with the differences of DSQL. The vendor stays
"postgresql", since Django and third-party code choose SQL by it.

OPTIONS beside those of the PostgreSQL backend:
    iam      True (the default): the password is an IAM token, minted for each connection,
             and the server is DSQL. False: the server is a plain PostgreSQL that stands in
             for DSQL; the password is PASSWORD and DDL is PostgreSQL's own.
    region   AWS region of the endpoint; needed with iam.
    profile  named AWS profile to take credentials from (default: the usual chain).
"""

from __future__ import annotations

import math
import random
import time
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base as postgresql
from django.db.transaction import TransactionManagementError
from psycopg import IsolationLevel, pq

from worldseat.dsql.auth import mint_token
from worldseat.dsql.features import DatabaseFeatures
from worldseat.dsql.schema import DatabaseSchemaEditor

__all__ = ["CONNECTION_SECONDS", "DatabaseWrapper"]

# DSQL closes a connection after 60 minutes. Ours retire between 50 and 55, spread out so
# that a fleet started together does not reconnect together (100 new ones a second allowed).
CONNECTION_SECONDS = 55 * 60
_SPREAD_SECONDS = 5 * 60

# Native TLS negotiation saves a round trip at connect; libpq knows it since 17.
_LIBPQ_DIRECT_TLS = 170000


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """One connection to a DSQL endpoint, or to the PostgreSQL that stands in for one."""

    display_name = "Aurora DSQL"
    features_class = DatabaseFeatures
    SchemaEditorClass = DatabaseSchemaEditor
    _own_options: ClassVar[tuple[str, ...]] = ("iam", "region", "profile")

    @property
    def uses_iam(self) -> bool:
        """True where the server is DSQL, False where a PostgreSQL stands in for it."""
        return bool(self.settings_dict["OPTIONS"].get("iam", True))

    def get_connection_params(self) -> dict[str, Any]:
        """Return libpq's parameters, without a token: see `fresh_connection_params`."""
        params: dict[str, Any] = super().get_connection_params()
        for option in self._own_options:
            params.pop(option, None)
        if self.uses_iam:
            params.setdefault("sslmode", "verify-full")
            if params["sslmode"] == "verify-full":
                # libpq refuses both with a weaker mode.
                params.setdefault("sslrootcert", "system")
                if pq.version() >= _LIBPQ_DIRECT_TLS:
                    params.setdefault("sslnegotiation", "direct")
        return params

    def fresh_connection_params(self) -> dict[str, Any]:
        """Return libpq's parameters with a token minted now.

        Raises ImproperlyConfigured when HOST, USER or OPTIONS["region"] is missing.
        """
        params = self.get_connection_params()
        if self.uses_iam:
            params["password"] = self._mint()
        return params

    def _mint(self) -> str:
        options = self.settings_dict["OPTIONS"]
        needed = {
            "HOST": self.settings_dict["HOST"],
            "USER": self.settings_dict["USER"],
            'OPTIONS["region"]': options.get("region"),
        }
        if missing := [name for name, value in needed.items() if not value]:
            raise ImproperlyConfigured(
                f"The DSQL database {self.alias!r} needs {', '.join(missing)} to sign an IAM token."
            )
        return mint_token(
            host=self.settings_dict["HOST"],
            user=self.settings_dict["USER"],
            region=options["region"],
            profile=options.get("profile"),
        )

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect with a token of its own, at snapshot isolation."""
        options = self.settings_dict["OPTIONS"]
        # DSQL has this level only; a PostgreSQL in its place has to be told.
        level = options.setdefault("isolation_level", IsolationLevel.REPEATABLE_READ)
        if self.uses_iam:
            if level != IsolationLevel.REPEATABLE_READ:
                raise ImproperlyConfigured(
                    f"DSQL has one isolation level, REPEATABLE READ; remove isolation_level "
                    f"from the OPTIONS of the database {self.alias!r}."
                )
            if self.pool is None:
                conn_params = {**conn_params, "password": self._mint()}
        return super().get_new_connection(conn_params)

    @property
    def pool(self) -> Any:
        """Return Django's psycopg pool, changed to mint a token for each connection it makes."""
        pool = super().pool
        if pool is not None:
            # Django hands the pool a fixed password; psycopg_pool 3.3 also takes a function.
            # Set at every look: two threads may meet here before either has opened the pool.
            pool.kwargs = self._pool_connection_params
            # The pool itself shortens each connection's life by up to 5 %.
            pool.max_lifetime = min(pool.max_lifetime, CONNECTION_SECONDS)
        return pool

    def _pool_connection_params(self) -> dict[str, Any]:
        # Django sets autocommit on every pooled connection it takes out.
        return {**self.fresh_connection_params(), "autocommit": True}

    def _configure_connection(self, connection: Any) -> bool:
        """Note when the connection retires: called once for each, in and out of a pool."""
        spread = random.uniform(0, _SPREAD_SECONDS)  # noqa: S311 - not a secret
        connection.retires_at = time.monotonic() + CONNECTION_SECONDS - spread
        return bool(super()._configure_connection(connection))  # type: ignore[misc]  # stubs lack it

    def connect(self) -> None:
        """Connect, and let Django close the connection before DSQL would."""
        super().connect()
        latest = self.connection.retires_at
        self.close_at = latest if self.close_at is None else min(self.close_at, latest)

    def ensure_connection(self) -> None:
        """Connect where there is no connection, or one that is due to retire.

        Django looks at `close_at` between requests only; a worker's thread may have none.
        """
        if self.connection is not None and not self.in_atomic_block and self._is_retired():
            self.close()
        super().ensure_connection()

    def _is_retired(self) -> bool:
        # Never in the middle of a transaction that was begun by hand.
        idle = self.connection.info.transaction_status == pq.TransactionStatus.IDLE
        # One that is being made has no date yet.
        retires_at = getattr(self.connection, "retires_at", math.inf)
        return bool(idle and time.monotonic() >= retires_at)

    def _close(self) -> None:
        """Close the connection; a retired one is not given back to the pool alive."""
        if self.pool is not None and self.connection is not None and self._is_retired():
            self.connection.close()
        super()._close()  # type: ignore[misc]  # stubs lack it

    def chunked_cursor(self) -> Any:
        """Return a plain cursor: DSQL has no DECLARE CURSOR."""
        return self.cursor()

    def _commit(self) -> None:
        """Commit, but not a transaction in which an error was swallowed.

        The server answers that COMMIT with ROLLBACK, which psycopg and Django take for success.
        """
        if (
            self.connection is not None
            and self.connection.info.transaction_status == pq.TransactionStatus.INERROR
        ):
            raise TransactionManagementError(
                "A database error inside this transaction was caught and dropped, and there are "
                "no savepoints: the whole transaction is lost, nothing was stored. Let the error "
                "out of the atomic block."
            )
        super()._commit()  # type: ignore[misc]  # stubs lack it
