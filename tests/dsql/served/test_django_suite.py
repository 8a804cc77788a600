"""A small part of Django's own tests; `make django-suite` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.django_suite import expectations, labels, source
from worldseat.local import state
from worldseat.local.endpoint.launch import Endpoint


@pytest.fixture(scope="session")
def suite() -> Path:
    """Django's directory of tests."""
    return source.fetch(state.directory() / "django-suite")


def test_passes_what_dsql_allows(suite: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    outcome = labels.run(
        " ".join(labels.QUICK),
        tests=suite,
        home=tmp_path,
        environment={
            **endpoint.environment,
            "SUITE_DATABASE_URL": endpoint.database_url,
            "SUITE_EXPECTATIONS": str(expectations.FILE),
        },
    )
    assert outcome.unexpected == {}
    assert outcome.is_good, Path(outcome.log).read_text()[-4000:]
    passed = {name.partition(".")[0] for name in outcome.names_of("passed")}
    assert passed == set(labels.QUICK)


def test_lists_only_tests_that_there_are(suite: Path) -> None:
    for reason in expectations.read():
        for name in reason.tests | reason.skipped:
            module, case, test = name.rsplit(".", 2)
            file = suite / module.replace(".", "/")
            text = file.with_suffix(".py").read_text()
            assert f"class {case}(" in text, name
            # A test may come from a class that others share, in a file beside.
            beside = "".join(each.read_text() for each in file.parent.glob("*.py"))
            assert f"def {test}(" in beside, name
