"""The least-privilege database role: who the application is once it is connected.

Every DDL statement on DSQL is a transaction of its own, so a run that stops half way leaves
what came before; each statement here is skipped, or harmless, when it was done before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from botocore.exceptions import BotoCoreError
from psycopg import pq, sql

from worldseat.dsql.auth import ADMIN, mint_token
from worldseat.dsql.clusters.control import Cluster
from worldseat.dsql.clusters.failures import ClusterError, translate
from worldseat.dsql.clusters.observation import Event, Tell
from worldseat.dsql.clusters.patience import Patience
from worldseat.dsql.occ import is_conflict

__all__ = ["BadRole", "DatabaseRefused", "Grant", "admin_connection", "grant_role"]

_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_IAM = re.compile(r"arn:aws(-[^:]+)?:iam::\d{12}:(role|user)(/[\w+=,.@-]+)+")
_SESSION = re.compile(r"arn:aws(?:-[^:]+)?:sts::(\d{12}):assumed-role/([^/]+)/")

# Native TLS negotiation saves a round trip at connect; libpq knows it since 17.
_LIBPQ_DIRECT_TLS = 170000


class BadRole(ClusterError):
    """The name of the role, its schema, or the IAM ARN cannot be used."""

    exit_code = 2


class DatabaseRefused(ClusterError):
    """The database did not let us in, or refused a statement."""


class DatabaseBusy(DatabaseRefused):
    """The database is waking up, or its schema changed under a statement."""

    exit_code = 3
    transient = True


@dataclass(frozen=True)
class Grant:
    """A database role, and the IAM role or user that may become it. Raises BadRole.

    schema: where the application's tables are.
    """

    role: str
    iam: str
    schema: str = "public"
    accounts: Sequence[str] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not _ROLE.fullmatch(self.role) or self.role.startswith("pg_"):
            raise BadRole(
                f"{self.role!r} cannot name a database role.",
                todo="Use lower-case letters, digits and underscores, not pg_ first.",
            )
        if self.role in {ADMIN, "postgres", "public"}:
            raise BadRole(
                f"{self.role!r} is a role that the database has already, with more rights.",
                todo="Name another role for the application.",
            )
        if not _ROLE.fullmatch(self.schema):
            raise BadRole(f"{self.schema!r} cannot name a schema.", todo="Check --schema.")
        if session := _SESSION.match(self.iam):
            raise BadRole(
                f"{self.iam} is a session, not a role.",
                todo=f"Give the role itself: arn:aws:iam::{session[1]}:role/{session[2]}.",
            )
        if not _IAM.fullmatch(self.iam):
            raise BadRole(
                f"{self.iam!r} is not the ARN of an IAM role or user.",
                todo="It looks like arn:aws:iam::123456789012:role/worldseat.",
            )

    def statements(self) -> Iterator[tuple[str, sql.Composed, sql.Composed | None]]:
        """Yield what each statement does, the statement, and a query: has it been done?"""
        role, schema = sql.Identifier(self.role), sql.Identifier(self.schema)
        yield (
            f"the role {self.role}",
            sql.SQL("CREATE ROLE {} WITH LOGIN").format(role),
            sql.SQL("SELECT true FROM pg_catalog.pg_roles WHERE rolname = {}").format(
                sql.Literal(self.role)
            ),
        )
        yield (
            f"{self.iam} may connect as {self.role}",
            sql.SQL("AWS IAM GRANT {} TO {}").format(role, sql.Literal(self.iam)),
            sql.SQL(
                "SELECT true FROM sys.iam_pg_role_mappings WHERE pg_role_name = {} AND arn = {}"
            ).format(sql.Literal(self.role), sql.Literal(self.iam)),
        )
        yield (
            f"{self.role} may look into the schema {self.schema}",
            sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role),
            None,
        )
        # No TRUNCATE, REFERENCES, no CREATE: the application changes rows, migrations the schema.
        yield (
            f"{self.role} may read and change the rows of its tables",
            sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}").format(
                schema, role
            ),
            None,
        )


def grant_role(
    grant: Grant,
    *,
    connect: Callable[[], Any],
    patience: Patience,
    tell: Tell,
) -> None:
    """Create the role, let the IAM identity become it, and give it the rows of every table.

    connect: a context manager that yields an autocommit connection as admin. DSQL has no
    default privileges for tables that come later (42501), so this runs again after each
    `migrate`. Raises DatabaseRefused, and DatabaseBusy when it does not stop being busy.
    """
    for what, statement, done in grant.statements():

        def run(statement: sql.Composed = statement, done: sql.Composed | None = done) -> bool:
            return _run(connect, statement, done)

        if patience.call(run):
            tell(Event(what, changed=True))
        else:
            tell(Event(f"{what}: was so already"))


def _run(connect: Callable[[], Any], statement: sql.Composed, done: sql.Composed | None) -> bool:
    """Execute one statement unless it was done before; return whether it was needed."""
    try:
        with connect() as connection:
            if done is not None and connection.execute(done).fetchone():
                return False
            # Alone, and in autocommit: one DDL statement is one transaction.
            connection.execute(statement)
            return True
    except psycopg.Error as error:
        raise _database_error(error, statement) from error


def _database_error(error: psycopg.Error, statement: sql.Composed) -> DatabaseRefused:
    said = str(error).strip()
    if is_conflict(error) or "waking up" in said or "rate exceeded" in said:
        return DatabaseBusy(f"The database is busy: {said}", todo="Run the same command again.")
    if "access denied" in said:
        return DatabaseRefused(
            f"The database did not accept the token of admin: {said}",
            todo=(
                "Allow dsql:DbConnectAdmin on the cluster's ARN (`manage.py dsql_cluster policy "
                "--for operate`), and check the region and this machine's clock."
            ),
        )
    if isinstance(error, psycopg.OperationalError):
        return DatabaseRefused(
            f"The database is out of reach: {said}",
            todo="Check the network (port 5432, TLS) and `manage.py dsql_cluster status`.",
        )
    return DatabaseRefused(
        f"The database refused `{statement.as_string(None)}`: {said}",
        todo="What came before it stays; correct the cause and run the same command again.",
    )


@contextmanager
def admin_connection(
    cluster: Cluster, *, profile: str | None = None, hostaddr: str | None = None
) -> Iterator[psycopg.Connection[Any]]:
    """Connect to a cluster as admin, with a token signed now, in autocommit.

    hostaddr: an address to use instead of looking the endpoint up. libpq's own variables
    (PGSSLROOTCERT) are honoured. Raises NoCredentials, BadCredentials.
    """
    try:
        token = mint_token(
            host=cluster.endpoint, user=ADMIN, region=cluster.region, profile=profile
        )
    except BotoCoreError as error:
        raise translate(error, operation="A token", region=cluster.region) from error
    parameters: dict[str, Any] = {
        "host": cluster.endpoint,
        "user": ADMIN,
        "dbname": "postgres",
        "password": token,
        "sslmode": "verify-full",
        "connect_timeout": 15,
    }
    if "PGSSLROOTCERT" not in os.environ:
        parameters["sslrootcert"] = "system"
    if pq.version() >= _LIBPQ_DIRECT_TLS:
        parameters["sslnegotiation"] = "direct"
    if hostaddr:
        parameters["hostaddr"] = hostaddr
    with psycopg.connect(**parameters, autocommit=True) as connection:
        yield connection
