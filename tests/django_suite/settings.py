"""Settings of Django's test suite: two schemas of one cluster are its two databases."""

from __future__ import annotations

import os
from typing import Any

from worldseat.dsql.url import database_from_url


def _database(alias: str) -> dict[str, Any]:
    database = database_from_url(os.environ["SUITE_DATABASE_URL"])
    engine = os.environ.get("SUITE_ENGINE") or database["ENGINE"]
    # Without names of their own both would be one to the test runner.
    return {**database, "ENGINE": engine, "TEST": {"NAME": f"suite_{alias}"}}


DATABASES = {"default": _database("default"), "other": _database("other")}
TEST_RUNNER = "tests.django_suite.runner.Runner"

# As Django's own tests/test_sqlite.py.
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
