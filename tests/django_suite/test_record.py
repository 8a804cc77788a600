"""What is expected to fail is excused for its own reason only."""

from __future__ import annotations

import io
import json
import unittest
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import iter_test_cases  # type: ignore[attr-defined]  # stubs lack it

from tests.django_suite import expectations
from tests.django_suite.labels import Outcome
from tests.django_suite.runner import EXPECTATIONS, RECORD, Result


class _Sample(unittest.TestCase):
    """Run by the tests below, not by themselves."""

    __test__ = False

    def test_listed(self) -> None:
        raise ValueError("SAVEPOINT is unsupported")

    def test_listed_but_passing(self) -> None:
        pass

    def test_listed_for_another_reason(self) -> None:
        raise ValueError("a fault of ours")

    def test_listed_and_worse(self) -> None:
        self.addCleanup(self.fail, "a fault of ours")
        raise ValueError("SAVEPOINT is unsupported")

    def test_not_listed(self) -> None:
        raise ValueError("SAVEPOINT is unsupported")

    def test_passing(self) -> None:
        pass


class _Broken(unittest.TestCase):
    __test__ = False

    @classmethod
    def setUpClass(cls) -> None:
        raise ValueError("no table")

    def test_never_run(self) -> None:
        pass


class _Skipped(unittest.TestCase):
    __test__ = False

    @classmethod
    def setUpClass(cls) -> None:
        raise unittest.SkipTest("not here")

    def test_skipped(self) -> None:
        pass


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """What is said of the sample, with a list of expectations of its own."""
    listed = tmp_path / "expected.toml"
    ends = ("", "_but_passing", "_for_another_reason", "_and_worse")
    names = [f"{__name__}._Sample.test_listed{end}" for end in ends]
    listed.write_text(
        f"[no_savepoints]\nlimit = 'There are none.'\nerror = 'SAVEPOINT'\ntests = {names}\n"
    )
    monkeypatch.setenv(EXPECTATIONS, str(listed))
    monkeypatch.setenv(RECORD, str(tmp_path / "record"))
    suite = unittest.TestSuite(
        unittest.defaultTestLoader.loadTestsFromTestCase(each)
        for each in (_Sample, _Broken, _Skipped)
    )
    # Taken now: a suite forgets its tests as it runs them.
    ids = [test.id() for test in iter_test_cases(suite)]
    suite.run(Result(unittest.runner._WritelnDecorator(io.StringIO()), False, 1))
    found = Outcome("sample")
    records: list[dict[str, Any]] = [{"names": ids}, {"complete": True}]
    records += [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    for record in records:
        found.take(record)
    return found


def test_excuses_a_failure_for_its_own_reason(outcome: Outcome) -> None:
    assert outcome.expected == {"no_savepoints": 1}
    assert outcome.passed == 1


def test_reports_every_surprise(outcome: Outcome) -> None:
    names = {name.rpartition(".")[2].rstrip(")") for name in outcome.unexpected}
    assert names == {
        "test_listed_but_passing",
        "test_listed_for_another_reason",
        "test_listed_and_worse",
        "test_not_listed",
        "_Broken",
    }
    assert not outcome.is_good


def test_counts_what_could_not_be_set_up(outcome: Outcome) -> None:
    assert outcome.tests == 8
    assert outcome.not_run == 1
    assert outcome.skipped == {"not here": 1}


def test_refuses_two_reasons_for_one_test(tmp_path: Path) -> None:
    listed = tmp_path / "expected.toml"
    listed.write_text("".join(f"[{n}]\nlimit = ''\nerror = 'x'\ntests = ['a.b']\n" for n in "ab"))
    with pytest.raises(ValueError, match=r"a\.b"):
        expectations.read(listed)


def test_believes_the_last_word_of_a_test() -> None:
    found = Outcome("sample", names=["a.b"], complete=True)
    found.take({"test": "a.b", "outcome": "passed"})
    assert found.is_good
    found.take({"test": "a.b", "outcome": "error", "message": "not cleaned up"})
    assert (found.passed, found.unexpected) == (0, {"a.b": "not cleaned up"})
