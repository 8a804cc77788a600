"""Our own migrations, forward and backward, under DSQL's rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.dsql.linter import lint
from tests.helpers.projects import OWN, Run, in_full
from tests.helpers.schema_facts import facts
from tests.helpers.theatre import ALIAS
from worldseat.dsql.base import DatabaseWrapper

ZERO = ("sales", "admin", "knox", "accounts", "sessions", "auth")

pytestmark = pytest.mark.timeout(600)  # the models of each migration are made, on two cores


class Sent(list[str]):
    """An execute wrapper of Django's that keeps what the schema editor sends."""

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Run the statement; keep one that changes the schema, or rows for it."""
        if str(sql).startswith(("CREATE ", "ALTER ", "DROP ", "UPDATE ")) and not params:
            self.append(str(sql).rstrip(";"))
        return execute(sql, params, many, context)


@pytest.mark.django_db
def test_makes_the_schema_that_postgresql_has(served: DatabaseWrapper, tmp_path: Path) -> None:
    wanted = facts(connection)  # what the same migrations have made for the other tests
    assert {"accounts_user", "sales_seat", "sales_ticket"} <= set(wanted)
    forward, backward = Sent(), Sent()
    with served.execute_wrapper(forward):
        call_command("migrate", database=ALIAS, verbosity=0, interactive=False)
    assert facts(served) == wanted
    with served.execute_wrapper(backward):
        MigrationExecutor(served).migrate([(app, None) for app in ZERO])
    assert set(facts(served)) == {"django_migrations", "django_content_type"}
    assert len(forward) > 300
    assert len(backward) > 100
    sent = {"forward": ";\n".join(forward), "backward": ";\n".join(backward)}
    assert lint(sent, tmp_path) == []


@in_full
@pytest.mark.timeout(1800)
def test_goes_back_after_a_stop_at_every_statement(migrate: Run) -> None:
    migrate("--undisturbed", settings=OWN)
    undone = migrate("--undisturbed", "--back-one-by-one", settings=OWN)
    migrate("--undisturbed", settings=OWN)
    stopped = migrate("--back-one-by-one", settings=OWN)
    assert stopped["stops"] > 200
    assert stopped["after"] == undone["after"]
