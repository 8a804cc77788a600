"""Our own migrations, forward and backward, under DSQL's rules."""

from __future__ import annotations

import pytest

from tests.helpers.databases import empty_schema
from tests.helpers.projects import OWN, Run, in_full

ZERO = [f"{app}:zero" for app in ("sales", "admin", "knox", "accounts", "sessions", "auth")]

pytestmark = pytest.mark.timeout(600)  # it starts processes, one after the other, on two cores


@pytest.mark.timeout(360)
def test_makes_the_schema_that_postgresql_has(migrate: Run, backend_url: str) -> None:
    wanted = migrate("--undisturbed", url=backend_url, settings=OWN)["facts"]
    assert {"accounts_user", "sales_seat", "sales_ticket"} <= set(wanted)
    empty_schema(backend_url)
    assert migrate("--undisturbed", settings=OWN)["facts"] == wanted
    left = migrate("--undisturbed", *ZERO, settings=OWN)["facts"]
    assert set(left) == {"django_migrations", "django_content_type"}


@in_full
@pytest.mark.timeout(1800)
def test_goes_back_after_a_stop_at_every_statement(migrate: Run) -> None:
    migrate("--undisturbed", settings=OWN)
    undone = migrate("--undisturbed", "--back-one-by-one", settings=OWN)
    migrate("--undisturbed", settings=OWN)
    stopped = migrate("--back-one-by-one", settings=OWN)
    assert stopped["stops"] > 200
    assert stopped["after"] == undone["after"]
