"""`manage.py check --database default`: what would hurt on DSQL is said."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.apps.registry import Apps
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, models
from django.db.migrations.state import AppConfigStub
from pytest_django import Settings

from worldseat.dsql import checks
from worldseat.dsql.base import DatabaseWrapper

GOOD: dict[str, Any] = {
    "USER": "worldseat",
    "CONN_MAX_AGE": 3000,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {"iam": True, "region": "us-east-1"},
}


def found(**changes: Any) -> list[str]:
    """Return the ids of what is said about an entry of DATABASES."""
    configured = copy.deepcopy({**connection.settings_dict, **GOOD})
    configured["OPTIONS"].update(changes.pop("OPTIONS", {}))
    configured.update(changes)
    wrapper = DatabaseWrapper(configured, alias="default")
    messages = list(checks.check_connection(wrapper))
    assert all(message.hint for message in messages)
    return [str(message.id).removeprefix("worldseat.dsql.") for message in messages]


def test_has_nothing_to_say_of_good_settings() -> None:
    assert found() == []
    assert found(CONN_MAX_AGE=None) == []
    assert found(CONN_MAX_AGE=0, CONN_HEALTH_CHECKS=False, OPTIONS={"pool": True}) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ATOMIC_REQUESTS": True}, ["E001"]),
        ({"OPTIONS": {"sslmode": "require"}}, ["E002"]),
        ({"AUTOCOMMIT": False}, ["E003"]),
        ({"OPTIONS": {"options": "-c statement_timeout=5s"}}, ["E004"]),
        ({"CONN_MAX_AGE": 3600}, ["W001"]),
        ({"USER": "admin"}, ["W002"]),
        ({"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}, ["W003"]),
        ({"CONN_HEALTH_CHECKS": False}, ["W004"]),
    ],
)
def test_says_what_would_hurt(changes: dict[str, Any], said: list[str]) -> None:
    assert found(**changes) == said


def test_lets_admin_be_in_debugging(settings: Settings) -> None:
    settings.DEBUG = True
    assert found(USER="admin") == []


def test_says_that_a_cache_relies_on_savepoints(settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}}
    assert found() == ["W006"]


def test_says_less_of_a_postgresql() -> None:
    stands_in = {"iam": False, "sslmode": "disable", "options": "-c statement_timeout=5s"}
    assert found(USER="admin", CONN_MAX_AGE=0, OPTIONS=stands_in) == []
    assert found(ATOMIC_REQUESTS=True, OPTIONS=stands_in) == ["E001"]


def test_names_an_index_that_cannot_descend(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Apps([AppConfigStub("theatre")])

    class Seat(models.Model):  # noqa: DJ008 - never shown
        row = models.TextField()

        class Meta:
            app_label = "theatre"
            apps = own
            indexes = (
                models.Index(fields=["-row"], name="down"),
                models.Index(fields=["row"], name="up"),
            )

    monkeypatch.setattr(checks, "apps", own)
    wrapper = DatabaseWrapper({**connection.settings_dict, **GOOD}, alias="default")
    [message] = checks.check_models(wrapper)
    assert message.id == "worldseat.dsql.W005"
    assert "down" in message.msg
    assert message.obj is Seat


def test_is_part_of_manage_py_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with pytest.raises(SystemCheckError, match="E001"):
        call_command("check", databases=["default"])
