"""Nothing can be started that no test starts; and the table of it is what the code has."""

from __future__ import annotations

import pytest

from tests.started import listing
from tests.started.__main__ import DOCUMENT, written
from tests.started.ids import exists, marks
from tests.started.recorder import DidNotStart, in_words
from tests.started.table import ALL, COMMANDS, PROGRAMS, TARGETS, TASKS, named_by

HINT = "name the test that starts it in tests/started/table.py, and run python -m tests.started"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (TASKS, listing.tasks),
        (COMMANDS, listing.commands),
        (PROGRAMS, listing.programs),
        (TARGETS, lambda: set(listing.targets())),
    ],
    ids=list(ALL),
)
def test_each_that_there_is_has_a_test(rows: object, found: object) -> None:
    assert set(rows) == found(), HINT  # type: ignore[call-overload, operator] # one of four


def test_make_help_explains_every_target() -> None:
    assert set(listing.helped()) == set(listing.targets())


@pytest.mark.parametrize("test", sorted({test for rows in ALL.values() for test in rows.values()}))
def test_each_test_that_is_named_exists(test: str) -> None:
    assert exists(test), HINT


def test_the_gate_starts_every_task_command_and_program() -> None:
    """Only a target may be left to `make test-all`."""
    for rows in (TASKS, COMMANDS, PROGRAMS):
        assert not [name for name, test in rows.items() if "full" in marks(test)]


def test_the_document_is_current() -> None:
    text = DOCUMENT.read_text()
    assert written(text) == text, "run python -m tests.started"


@pytest.mark.parametrize(
    ("words", "started"),
    [
        ("python -I worldseat/local/tether.py -- python -m worldseat.web --port 1", "program"),
        ("python /checkout/manage.py demo --once", "command"),
        ("make demo ONCE=1", "target"),
        ("make -n demo", ""),
        ("python -m pytest tests/demo", ""),
    ],
)
def test_hears_what_a_process_is_started_for(words: str, started: str) -> None:
    heard = in_words(words.split())
    assert {kind for kind, _ in heard} == ({started} if started else set())
    assert {name for _, name in heard} <= {"demo", "worldseat.web", "worldseat.local.tether"}


def test_a_test_is_named_with_all_its_parameters() -> None:
    test = COMMANDS["check_books"]
    assert named_by(f"{test}[one-two]") == named_by(test) == {("command", "check_books")}
    assert named_by("tests/test_web.py::test_of_nothing") == set()


@pytest.mark.xfail(raises=DidNotStart, strict=True, reason="it is named for a task, and sends none")
def test_a_test_that_starts_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {("task", "sales.tidy_outbox")}
    monkeypatch.setattr("tests.started.recorder.named_by", lambda test: named)
