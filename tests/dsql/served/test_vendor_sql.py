"""Django picks SQL by the connection's vendor: each `as_postgresql` of Django's is still picked.

Under another vendor's name they would all fall away in silence.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.postgres.fields import DateTimeRangeField
from django.contrib.postgres.fields.ranges import DateTimeRangeContains
from django.db import NotSupportedError, models
from django.db.models import F, Value
from django.db.models.functions import (
    SHA256,
    Cast,
    Concat,
    JSONArray,
    JSONObject,
    Log,
    Now,
    StrIndex,
)
from django.utils import timezone
from django.utils.module_loading import import_string

from tests.helpers.theatre import Make
from worldseat.dsql.base import DatabaseWrapper

Rows = models.QuerySet[models.Model]

OLD = timezone.now()

# What makes use of each, and what it finds in a row with data={"a": {"b": 1}}, ratio=8.0,
# row="abc". The places are django's: `Class` of `django/module.py`.
USED: dict[str, tuple[Callable[[Rows], Any], Any]] = {
    "db.models.lookups.PostgresOperatorLookup": (lambda q: q.filter(data__contains={"a": {}}), 1),
    "db.models.fields.json.HasKeyLookup": (lambda q: q.filter(data__has_key=F("data__a__b")), 1),
    "db.models.fields.json.KeyTransform": (lambda q: q.filter(data__a__b=1), 1),
    "db.models.functions.comparison.Cast": (
        lambda q: q.filter(ratio=Cast(Value("8"), models.FloatField())),
        1,
    ),
    "db.models.functions.datetime.Now": (lambda q: q.annotate(x=Now()).filter(x__gt=OLD), 1),
    "db.models.functions.json.JSONArray": (
        lambda q: q.annotate(x=JSONArray("row")).filter(x=["abc"]),
        1,
    ),
    "db.models.functions.json.JSONObject": (
        lambda q: q.annotate(x=JSONObject(y="row")).filter(x={"y": "abc"}),
        1,
    ),
    "db.models.functions.mixins.FixDecimalInputMixin": (
        lambda q: q.annotate(x=Log(Value(2.0), "ratio")).filter(x__gt=2.99),
        1,
    ),
    "db.models.functions.text.ConcatPair": (
        lambda q: q.annotate(x=Concat("row", "ratio", output_field=models.TextField())).filter(
            x="abc8"
        ),
        1,
    ),
    "db.models.functions.text.StrIndex": (
        lambda q: q.annotate(x=StrIndex("row", Value("c"))).filter(x=3),
        1,
    ),
}
# DSQL has neither the types nor the extensions.
UNUSED = {
    "contrib.gis.db.models.functions.Distance": "PostGIS, which has an ENGINE of its own",
    "contrib.gis.db.models.functions.Perimeter": "PostGIS",
    "contrib.gis.db.models.functions.Length": "PostGIS",
    "contrib.postgres.fields.ranges.DateTimeRangeContains": "no range columns; compiled below",
    "db.models.functions.text.PostgreSQLSHAMixin": "pgcrypto; refused, below",
}


def definitions() -> set[str]:
    """Return the classes in Django's source that define as_postgresql."""
    root = Path(django.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        text = path.read_text()
        if "as_postgresql" not in text:
            continue
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and "as_postgresql" in {
                name for each in node.body for name in _defined(each)
            }:
                found.add(f"{module}.{node.name}")
    return found


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.fixture
def rows(served: DatabaseWrapper, make: Make) -> Rows:
    """The one row, asked for through the endpoint."""
    seat = make(
        "Seat",
        row=models.CharField(max_length=9),
        ratio=models.FloatField(),
        data=models.JSONField(),
    )
    found = seat._default_manager.using(served.alias)
    found.create(row="abc", ratio=8.0, data={"a": {"b": 1}})
    return found.all()


def test_knows_them_all() -> None:
    assert definitions() == USED.keys() | UNUSED.keys()


@pytest.mark.parametrize("name", USED)
def test_is_picked(name: str, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = import_string(f"django.{name}")
    picked: list[object] = []
    original = owner.as_postgresql

    def as_postgresql(self: Any, *arguments: Any, **options: Any) -> Any:
        picked.append(self)
        return original(self, *arguments, **options)

    monkeypatch.setattr(owner, "as_postgresql", as_postgresql)
    query, wanted = USED[name]
    assert query(rows).count() == wanted
    assert picked


def test_is_picked_for_a_range_too(served: DatabaseWrapper, make: Make) -> None:
    tour = make("Tour", table=False, dates=DateTimeRangeField())
    query = tour._default_manager.using(served.alias).filter(dates__contains=OLD).query
    sql, _ = query.get_compiler(served.alias).as_sql()
    assert sql.endswith("::timestamp with time zone")
    assert isinstance(query.where.children[0], DateTimeRangeContains)


def test_refuses_a_digest_and_says_what_to_do(rows: Rows) -> None:
    with pytest.raises(NotSupportedError, match="hashlib"):
        list(rows.annotate(x=SHA256("row")))
