"""Statements that differ in their values only are looked at once."""

from __future__ import annotations

import pytest

from worldseat.local.endpoint.sql import shape
from worldseat.local.endpoint.statements import _look, analyse

ALIKE = [
    ("SELECT * FROM t WHERE a = 'x'", "SELECT * FROM t WHERE a = 'it''s; -- no comment'"),
    ("UPDATE t2 SET a = 1, b = 'x'", "UPDATE t2 SET a = 2.5e3, b = ''"),
    ("INSERT INTO \"a b\" VALUES (1, 'x')", 'INSERT INTO "a b" VALUES (2, \'"c"\')'),
]
UNLIKE = [
    ("SELECT * FROM t WHERE a = 'x'", "SELECT * FROM u WHERE a = 'x'"),
    ('SELECT "a" FROM t', 'SELECT "b" FROM t'),
    ("SELECT t1.a FROM t", "SELECT t2.a FROM t"),
    ("DELETE FROM t WHERE a = 'x'", "DELETE FROM t WHERE a = 'x' RETURNING 'x'"),
    ("SELECT 'x'", "SELECT 'x' FOR UPDATE"),
]
TOO_HARD = ["SELECT 'a' -- it's", "SELECT /* ' */ 'a'", r"SELECT E'\' FOR UPDATE'", "SELECT $$'$$"]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_are_told_to_be_alike(one: str, other: str) -> None:
    analyse(one)
    assert shape(other) in (shape(one), None)
    assert analyse(other) == _look(other)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_are_told_apart(one: str, other: str) -> None:
    analyse(one)
    assert shape(one) != shape(other)
    assert analyse(other) == _look(other)


@pytest.mark.parametrize("sql", TOO_HARD)
def test_are_looked_at_in_full_where_a_glance_may_mislead(sql: str) -> None:
    assert shape(sql) is None


def test_name_a_setting_in_a_value() -> None:
    assert analyse("SELECT set_config('timezone', 'UTC', false)").refused is None
    assert analyse("SELECT set_config('statement_timeout', '5', false)").refused is not None
