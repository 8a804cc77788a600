"""Test databases: schemas, since DSQL has one database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import NotSupportedError, ProgrammingError, connections
from pytest_django import Settings

from worldseat.dsql.base import DatabaseWrapper

Behind = psycopg.Connection[Any]
MakeDatabase = Callable[[str], DatabaseWrapper]


@pytest.fixture
def database(served: DatabaseWrapper, settings: Settings) -> Iterator[MakeDatabase]:
    """Make connections whose test database has a name, with few tables."""
    settings.INSTALLED_APPS = ["django.contrib.contenttypes"]
    made: list[str] = []

    def make(name: str) -> DatabaseWrapper:
        own = {**served.settings_dict, "TEST": {**served.settings_dict["TEST"], "NAME": name}}
        wrapper = DatabaseWrapper(own, alias=name)
        connections[name] = wrapper
        connections.settings[name] = wrapper.settings_dict
        made.append(name)
        return wrapper

    yield make
    for name in made:
        connections[name].close()
        del connections[name]


def schemas(behind: Behind) -> set[str]:
    found = behind.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'test%'")
    return {name for (name,) in found}


def create(wrapper: DatabaseWrapper, *, keepdb: bool = False) -> None:
    wrapper.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=keepdb)


def destroy(wrapper: DatabaseWrapper) -> None:
    wrapper.creation.destroy_test_db("postgres", verbosity=0)


def add(wrapper: DatabaseWrapper, model: str) -> None:
    ContentType.objects.using(wrapper.alias).create(app_label="theatre", model=model)


def names(wrapper: DatabaseWrapper) -> list[str]:
    found = ContentType.objects.using(wrapper.alias).filter(app_label="theatre")
    return sorted(found.values_list("model", flat=True))


def test_keeps_two_apart_and_destroys_one(database: MakeDatabase, behind: Behind) -> None:
    one, other = database("test_one"), database("test_other")
    assert one.creation.test_db_signature() != other.creation.test_db_signature()
    create(one)
    create(other)
    add(one, "seat")
    add(other, "row")
    assert (names(one), names(other)) == (["seat"], ["row"])
    assert schemas(behind) == {"test_one", "test_other"}
    destroy(one)
    assert schemas(behind) == {"test_other"}
    assert one.settings_dict["NAME"] == "postgres"
    assert names(other) == ["row"]
    destroy(other)
    assert schemas(behind) == set()


def test_keeps_one_for_the_next_run_or_makes_it_anew(
    database: MakeDatabase, behind: Behind
) -> None:
    first = database("test_kept")
    create(first)
    add(first, "seat")
    again = database("test_kept")
    create(again, keepdb=True)
    assert names(again) == ["seat"]
    anew = database("test_kept")
    create(anew)
    assert names(anew) == []
    destroy(anew)
    assert schemas(behind) == set()


def test_asks_before_it_drops_one(
    database: MakeDatabase, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind.execute("CREATE SCHEMA test_asked")
    behind.execute("CREATE TABLE test_asked.seat (id integer PRIMARY KEY)")
    monkeypatch.setattr("builtins.input", lambda: "no")
    with pytest.raises(SystemExit):
        database("test_asked").creation.create_test_db(verbosity=0, autoclobber=False)
    assert behind.execute("SELECT count(*) FROM test_asked.seat").fetchone() == (0,)
    behind.execute("DROP SCHEMA test_asked CASCADE")


@pytest.mark.parametrize("name", ["public", "postgres"])
def test_never_drops_what_is_not_of_tests(database: MakeDatabase, name: str) -> None:
    with pytest.raises(ProgrammingError, match="nothing was dropped"):
        database(name).creation.destroy_test_db("postgres", verbosity=0)


def test_refuses_to_copy_one(database: MakeDatabase) -> None:
    with pytest.raises(NotSupportedError, match="--parallel 1"):
        database("test_copied").creation.clone_test_db("2", verbosity=0)
