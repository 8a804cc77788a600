"""`manage.py check` names the fields that no column of DSQL can hold."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField, HStoreField
from django.core.checks import CheckMessage
from django.db import models
from django.test.utils import isolate_apps

from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.url import database_from_url

CLUSTER = "dsql://admin@abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws/postgres"


def said_of(field: models.Field[Any, Any], url: str = CLUSTER) -> list[CheckMessage]:
    """Return what is said of a field."""
    with isolate_apps("tests"):
        attributes = {"__module__": __name__, "Meta": type("Meta", (), {"app_label": "theatre"})}
        type("Seat", (models.Model,), {**attributes, "field": field})
    found: list[CheckMessage] = DatabaseWrapper(database_from_url(url)).validation.check_field(
        field
    )
    return found


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (ArrayField(models.TextField()), "text[]"),
        (HStoreField(), "hstore"),
        (models.CharField(max_length=9, db_collation="sv-x-icu"), "collation"),
    ],
)
def test_names_a_field_that_dsql_cannot_hold(field: models.Field[Any, Any], problem: str) -> None:
    [error] = said_of(field)
    assert error.id == "worldseat.dsql.E003"
    assert problem in error.msg


@pytest.mark.parametrize(
    "field",
    [
        models.CharField(max_length=9),
        models.CharField(max_length=9, db_collation="C"),
        models.DecimalField(max_digits=9, decimal_places=2),
        models.DateTimeField(),
        models.JSONField(),
        models.GenericIPAddressField(),
    ],
)
def test_says_nothing_of_the_others(field: models.Field[Any, Any]) -> None:
    assert said_of(field) == []


def test_says_nothing_where_a_postgresql_stands_in() -> None:
    assert said_of(ArrayField(models.TextField()), "postgres://user@localhost/name") == []
