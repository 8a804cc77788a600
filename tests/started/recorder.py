"""Pytest plugin: a test that tests.started.table names for starting something really starts it.

Otherwise it fails, though it passed: loaded with `-p tests.started.recorder`. Heard are tasks of
this process, commands of this process, and the words of every process that is started.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from celery import signals
from django.core.management.base import BaseCommand

from tests.started.table import named_by

__all__ = ["in_words"]

Started = set[tuple[str, str]]


class DidNotStart(AssertionError):
    """The test passed, and did not start what tests/started/table.py names it for."""


def pytest_configure(config: pytest.Config) -> None:
    """Listen from now on."""
    config.pluginmanager.register(_Recorder())


class _Recorder:
    def __init__(self) -> None:
        self._started: Started = set()
        sys.addaudithook(self._hear)
        signals.task_prerun.connect(self._hear_task, weak=False)
        execute = BaseCommand.execute

        def heard(command: BaseCommand, *args: Any, **options: Any) -> Any:
            self._started.add(("command", type(command).__module__.rpartition(".")[2]))
            return execute(command, *args, **options)

        BaseCommand.execute = heard  # type: ignore[method-assign, assignment] # a function

    def _hear(self, event: str, args: Any) -> None:
        if event == "subprocess.Popen":
            self._started |= in_words([str(word) for word in args[1]])

    def _hear_task(self, sender: Any, **_: Any) -> None:
        self._started.add(("task", sender.name))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Forget what others have started, but for servers, which may be there for all tests."""
        self._started = {each for each in self._started if each[0] == "program"}
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """Fail a test that has passed and did not start what it is named for."""
        result = yield
        if missing := named_by(item.nodeid) - self._started:
            told = ", ".join(f"the {kind} {name}" for kind, name in sorted(missing))
            raise DidNotStart(f"{DidNotStart.__doc__} That is {told}.")
        return result


def in_words(words: Sequence[str]) -> Started:
    """Return what the words of a process start, whatever program stands before it."""
    found: Started = set()
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else ""
        if word == "-m" and after.startswith("worldseat."):
            found.add(("program", after))
        elif Path(word).name == "manage.py":
            found.add(("command", after))
        elif word.endswith("worldseat/local/tether.py"):
            found.add(("program", "worldseat.local.tether"))
        elif Path(word).name == "make" and "-n" not in words:
            targets = [each for each in words[at + 1 :] if re.fullmatch(r"[a-z-]+", each)]
            found |= {("target", each) for each in targets}
    return found
