"""Django's test runner, with the expectations of expected.toml and a record of every test.

Runs inside Django's runtests.py: settings.TEST_RUNNER names it. The record is a file of JSON lines.
"""

from __future__ import annotations

import json
import os
import traceback
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connections
from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases  # type: ignore[attr-defined]  # stubs lack it

from tests.django_suite import expectations

__all__ = ["Runner"]

RECORD = "SUITE_RECORD"
EXPECTATIONS = "SUITE_EXPECTATIONS"


def _reasons() -> list[expectations.Reason]:
    path = os.environ.get(EXPECTATIONS)
    return expectations.read(Path(path)) if path else []


class Runner(DiscoverRunner):
    """Marks what is expected to fail, and records what happens."""

    def setup_databases(self, **kwargs: Any) -> Any:
        """Tell the backend's features, where Django looks for them, what cannot be run."""
        features = connections["default"].features
        skipped = {reason.name: set(reason.skipped) for reason in _reasons() if reason.skipped}
        features.django_test_skips = {**features.django_test_skips, **skipped}
        return super().setup_databases(**kwargs)

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        """Run the tests, after saying which there are."""
        _write({"names": [test.id() for test in iter_test_cases(suite)]})
        result = super().run_suite(suite, **kwargs)
        _write({"complete": True})
        return result

    def get_resultclass(self) -> Any:
        """Return the class that records."""
        return Result


class Result(unittest.TextTestResult):
    """Writes a line for each test that has ended, and for each class that could not be set up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reason_of = {test: reason for reason in _reasons() for test in reason.tests}
        self._running: dict[str, Any] | None = None

    def startTest(self, test: Any) -> None:
        """Begin a record."""
        super().startTest(test)
        self._running = {"test": test.id(), "outcome": "passed"}

    def stopTest(self, test: Any) -> None:
        """Write the record."""
        super().stopTest(test)
        if self._running:
            _write(self._running)
        self._running = None

    def _note(self, test: Any, outcome: str, **more: Any) -> None:
        if self._running is None:
            # Setting up a class, or cleaning up after a test, is outside of any.
            _write({"test": test.id(), "outcome": outcome, **more})
        elif self._running["outcome"] not in ("error", "failure"):
            self._running.update(outcome=outcome, **more)

    def _is_expected(self, test: Any, err: Any) -> bool:
        """Note an expected failure, if it says what it was expected to.

        unittest.expectedFailure would not do: it marks a function that other classes share, is
        lost on a coroutine function, and takes no part in the cleaning up.
        """
        reason, message = self._reason_of.get(test.id()), _message(err)
        if reason is None or not reason.error.search(message):
            return False
        super().addExpectedFailure(test, err)
        self._note(test, "expected", reason=reason.name, message=message)
        return True

    def addSuccess(self, test: Any) -> None:
        """Note a test that passed, though it may be listed."""
        if test.id() in self._reason_of:
            self.addUnexpectedSuccess(test)
        else:
            super().addSuccess(test)

    def addError(self, test: Any, err: Any) -> None:
        """Note an error."""
        if not self._is_expected(test, err):
            super().addError(test, err)
            self._note(test, "error", message=_message(err))

    def addFailure(self, test: Any, err: Any) -> None:
        """Note a failure."""
        if not self._is_expected(test, err):
            super().addFailure(test, err)
            self._note(test, "failure", message=_message(err))

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        """Note a part that failed."""
        if err is None or not self._is_expected(test, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                self._note(test, "failure", message=_message(err))

    def addSkip(self, test: Any, reason: str) -> None:
        """Note a test that was left out."""
        super().addSkip(test, reason)
        self._note(test, "skipped", reason=reason)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        """Note a failure that Django itself expects."""
        super().addExpectedFailure(test, err)
        self._note(test, "expected", reason="Django's own", message=_message(err))

    def addUnexpectedSuccess(self, test: Any) -> None:
        """Note a test that passed although it is listed."""
        super().addUnexpectedSuccess(test)
        self._note(test, "unexpected success")


def _message(err: Any) -> str:
    """Return an error's own words and those of what caused it, without the source lines."""
    return "\n".join(_messages(err[1]))


def _messages(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield "".join(traceback.format_exception_only(error)).strip()
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _write(record: dict[str, Any]) -> None:
    with Path(os.environ[RECORD]).open("a") as file:
        file.write(json.dumps(record) + "\n")
