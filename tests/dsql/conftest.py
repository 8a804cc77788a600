"""A table to fight over, another session, and a network that can be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection, connections

from tests.dsql.relay import Relay
from tests.helpers.databases import Session


@pytest.fixture
def probe(transactional_db: None) -> Iterator[str]:
    """A table `probe (id, n)` with the row (1, 0)."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS probe")
        cursor.execute("CREATE TABLE probe (id integer PRIMARY KEY, n integer NOT NULL)")
        cursor.execute("INSERT INTO probe VALUES (1, 0)")
    yield "probe"
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE probe")


@pytest.fixture
def rival_session(probe: str) -> Iterator[Session]:
    """A session of its own beside Django's, by psycopg alone, that commits each statement."""
    params = connection.get_connection_params()
    params.pop("cursor_factory")
    params.pop("context")
    with psycopg.connect(**params, autocommit=True) as session:
        yield session


@pytest.fixture
def failing_commits(probe: str) -> Iterator[Callable[..., None]]:
    """Let the next COMMITs of a transaction that inserted into probe fail, as DSQL's may."""

    def arm(times: int, *, sqlstate: str, message: str) -> None:
        with connection.cursor() as cursor:
            # A sequence counts on when a transaction is rolled back.
            cursor.execute("CREATE SEQUENCE probe_commits")
            cursor.execute(f"""
                CREATE FUNCTION fail_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('probe_commits') <= {times:d} THEN
                        RAISE EXCEPTION '{message}' USING ERRCODE = '{sqlstate}';
                    END IF;
                    RETURN NULL;
                END $$""")
            cursor.execute("""
                CREATE CONSTRAINT TRIGGER fail_commit AFTER INSERT ON probe
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_commit()""")

    yield arm
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION IF EXISTS fail_commit CASCADE")
        cursor.execute("DROP SEQUENCE IF EXISTS probe_commits")


@pytest.fixture
def relay(probe: str) -> Iterator[Relay]:
    """Django's connections go through a relay that can be cut at COMMIT."""
    own = connections["default"]
    host, port = own.settings_dict["HOST"], own.settings_dict["PORT"]
    own.close()
    with Relay(host, int(port)) as between:
        own.settings_dict.update(HOST="127.0.0.1", PORT=str(between.port))
        yield between
        own.close()
        own.settings_dict.update(HOST=host, PORT=port)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that retries would have waited; nobody waits."""
    waited: list[float] = []
    monkeypatch.setattr("worldseat.dsql.occ._sleep", waited.append)
    return waited
