"""`dsql_cluster grant`: a role that may change rows, and nothing more."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection as django_connection
from psycopg import sql

from tests.helpers.clusters.command import Cli, Outcome
from tests.helpers.clusters.standin import ControlPlane
from worldseat.dsql import auth
from worldseat.dsql.clusters import run

IAM = "arn:aws:iam::123456789012:role/worldseat"


class Database:
    """A database of its own on the real PostgreSQL, with what DSQL has beside it.

    `AWS IAM GRANT` is no PostgreSQL: here it writes the row that DSQL would show in
    sys.iam_pg_role_mappings. `statements` are those that change something, in order.
    """

    def __init__(self, parameters: dict[str, Any], role: str) -> None:
        self.parameters = parameters
        self.role = role
        self.statements: list[str] = []
        self.before: Callable[[str], None] = lambda statement: None
        with self.as_admin() as connection:
            connection.execute("CREATE SCHEMA sys")
            connection.execute(
                "CREATE TABLE sys.iam_pg_role_mappings (pg_role_name text, arn text)"
            )
            connection.execute("CREATE TABLE seat (id int)")

    @contextmanager
    def as_admin(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(**self.parameters, autocommit=True) as connection:
            yield connection

    @contextmanager
    def connect(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Stand in for `admin_connection`."""
        with self.as_admin() as connection:
            yield Session(self, connection)

    def may(self, privilege: str, table: str = "seat") -> bool:
        """Tell whether the role has a privilege on a table."""
        return bool(self.one("SELECT has_table_privilege(%s, %s, %s)", self.role, table, privilege))

    def one(self, query: str, *values: Any) -> Any:
        with self.as_admin() as connection:
            row = connection.execute(query, values).fetchone()
            return row[0] if row else None


class Session:
    """One autocommit session as admin."""

    def __init__(self, database: Database, connection: psycopg.Connection[Any]) -> None:
        self.database, self.connection = database, connection

    def execute(self, statement: sql.Composed) -> Any:
        text = statement.as_string(self.connection)
        if not text.startswith("SELECT"):
            self.database.before(text)
            self.database.statements.append(text)
        if granted := re.fullmatch(r"AWS IAM GRANT \"(\w+)\" TO '([^']+)'", text):
            return self.connection.execute(
                "INSERT INTO sys.iam_pg_role_mappings VALUES (%s, %s)", granted.groups()
            )
        return self.connection.execute(statement)


@pytest.fixture
def database(
    aws: ControlPlane, monkeypatch: pytest.MonkeyPatch, django_db_setup: None
) -> Iterator[Database]:
    """Return a database whose only user is its superuser, behind a pair that is ready."""
    aws.put_pair()
    settings = django_connection.settings_dict
    server = {
        "host": settings["HOST"],
        "port": settings["PORT"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
    }
    name = f"grant_{uuid.uuid4().hex[:12]}"
    role = f"app_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            made = Database({**server, "dbname": name}, role)
            monkeypatch.setattr(run, "admin_connection", made.connect)
            yield made
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def grant(cli: Cli, database: Database, *args: str) -> Outcome:
    return cli("grant", "--iam", IAM, "--role", database.role, *args)


def test_lets_the_application_change_rows_and_nothing_more(cli: Cli, database: Database) -> None:
    outcome = grant(cli, database)
    assert outcome.code == 0, outcome.err
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert database.may(privilege)
    for privilege in ("TRUNCATE", "REFERENCES", "TRIGGER"):
        assert not database.may(privilege)
    assert not database.one("SELECT has_schema_privilege(%s, 'public', 'CREATE')", database.role)
    assert database.one("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", database.role)
    assert not database.one(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = %s",
        database.role,
    )


def test_maps_the_iam_role_to_it(cli: Cli, database: Database) -> None:
    grant(cli, database)
    query = "SELECT arn FROM sys.iam_pg_role_mappings WHERE pg_role_name = %s"
    assert database.one(query, database.role) == IAM


def test_changes_only_what_is_missing_when_run_again(cli: Cli, database: Database) -> None:
    grant(cli, database)
    database.statements.clear()
    with database.as_admin() as connection:
        connection.execute("CREATE TABLE later (id int)")
    assert not database.may("SELECT", "later")
    assert grant(cli, database).code == 0
    assert database.may("SELECT", "later")
    assert [text.split(" ON ")[0] for text in database.statements] == [
        "GRANT USAGE",
        "GRANT SELECT, INSERT, UPDATE, DELETE",
    ]


def test_adds_a_second_iam_role(cli: Cli, database: Database) -> None:
    grant(cli, database)
    assert cli("grant", "--iam", f"{IAM}-worker", "--role", database.role).code == 0
    assert database.one("SELECT count(*) FROM sys.iam_pg_role_mappings") == 2


@pytest.mark.parametrize("statement", range(4))
def test_goes_on_where_it_was_stopped(cli: Cli, database: Database, statement: int) -> None:
    class Killed(BaseException):
        pass

    def stop(text: str) -> None:
        if len(database.statements) == statement:
            raise Killed

    database.before = stop
    with pytest.raises(Killed):
        grant(cli, database)
    database.before = lambda text: None
    assert grant(cli, database).code == 0
    assert database.may("SELECT")
    assert database.one("SELECT count(*) FROM sys.iam_pg_role_mappings") == 1


def test_passes_a_change_of_the_schema_and_a_cluster_that_wakes_up(
    cli: Cli, database: Database
) -> None:
    troubles: list[psycopg.Error] = [
        psycopg.errors.SerializationFailure("schema has been updated (OC001)"),
        psycopg.OperationalError("waking up cluster, please retry later"),
    ]

    def trouble(text: str) -> None:
        if troubles:
            raise troubles.pop()

    database.before = trouble
    assert grant(cli, database).code == 0
    assert troubles == []


def test_says_which_statement_was_refused_and_what_came_before(
    cli: Cli, database: Database
) -> None:
    def refuse(text: str) -> None:
        if text.startswith("AWS"):
            raise psycopg.errors.InsufficientPrivilege("permission denied")

    database.before = refuse
    outcome = grant(cli, database, "--json")
    assert outcome.code == 1
    assert f'AWS IAM GRANT "{database.role}"' in outcome.err
    assert outcome.data["error"]["changed"] == [f"the role {database.role}"]


def test_says_what_iam_has_to_allow_when_the_token_is_refused(cli: Cli, database: Database) -> None:
    def refuse(text: str) -> None:
        raise psycopg.OperationalError("unable to accept connection, access denied")

    database.before = refuse
    assert "dsql:DbConnectAdmin" in grant(cli, database).err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--role", "admin"), "has already"),
        (("--role", 'x"; DROP ROLE admin'), "cannot name a database role"),
        (("--role", "pg_read_all_data"), "cannot name a database role"),
        (("--schema", "a b"), "cannot name a schema"),
        (("--iam", "worldseat"), "is not the ARN of an IAM role or user"),
        (("--iam", "arn:aws:iam::123456789012:role/it's"), "is not the ARN"),
        (
            ("--iam", "arn:aws:sts::123456789012:assumed-role/worldseat/i-0abc"),
            "arn:aws:iam::123456789012:role/worldseat",
        ),
    ],
)
def test_refuses_before_it_asks_anybody(
    aws: ControlPlane, cli: Cli, args: tuple[str, ...], says: str
) -> None:
    outcome = cli("grant", *(() if "--iam" in args else ("--iam", IAM)), *args, "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (2, "bad-role")
    assert says in outcome.err
    assert aws.calls == []


@pytest.mark.parametrize("status", ["PENDING_SETUP", "CREATING", "DELETING", "FAILED"])
def test_refuses_a_pair_that_takes_no_connections(aws: ControlPlane, cli: Cli, status: str) -> None:
    aws.look_steps = False
    aws.put_pair(status)
    outcome = cli("grant", "--iam", IAM, "--timeout", "0.1", "--json")
    assert outcome.code in (3, 4, 6)
    assert status in outcome.err


def test_wakes_a_pair_that_sleeps(aws: ControlPlane, cli: Cli, database: Database) -> None:
    for cluster in aws.alive():
        cluster.status = "INACTIVE"
    assert grant(cli, database).code == 0


def test_connects_as_admin_with_a_token_of_its_own_and_verified_tls(
    aws: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = aws.put_pair()
    asked: list[dict[str, Any]] = []

    def refuse(**parameters: Any) -> None:
        asked.append(parameters)
        raise psycopg.OperationalError("connection refused")

    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    monkeypatch.setattr(auth, "_clients", {})  # they keep credentials
    monkeypatch.setattr(psycopg, "connect", refuse)
    outcome = cli("grant", "--iam", IAM, "--hostaddr", "127.0.0.1", "--json")
    assert outcome.data["error"]["kind"] == "database-refused"
    (parameters,) = asked
    host = f"{first.id}.dsql.us-east-1.on.aws"
    assert parameters["password"].startswith(f"{host}/?Action=DbConnectAdmin")
    assert (parameters["host"], parameters["hostaddr"]) == (host, "127.0.0.1")
    assert (parameters["user"], parameters["autocommit"]) == ("admin", True)
    assert (parameters["sslmode"], parameters["sslrootcert"]) == ("verify-full", "system")
