"""What a person sees, and what a program reads."""

from __future__ import annotations

import io

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.standin import ControlPlane
from worldseat.dsql.clusters.observation import Event
from worldseat.dsql.clusters.terminal import Terminal


class Tty(io.StringIO):
    """A terminal somebody looks at."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def test_a_program_gets_one_json_document_and_progress_apart(aws: ControlPlane, cli: Cli) -> None:
    outcome = cli("create", "--json")
    assert outcome.data["ok"] is True
    assert [line.split(" ")[0] for line in outcome.data["changed"]][:2] == ["created", "created"]
    assert "waiting until both are ACTIVE" in outcome.err


def test_a_log_gets_a_status_only_when_it_changes() -> None:
    err = io.StringIO()
    terminal = Terminal(out=io.StringIO(), err=err, as_json=False)
    with terminal:
        for status in ("CREATING", "CREATING", "ACTIVE", "ACTIVE"):
            terminal.tell(Event("waiting", statuses={"us-east-1": status}))
    assert err.getvalue() == "waiting: us-east-1 CREATING\nwaiting: us-east-1 ACTIVE\n"


def test_a_terminal_gets_one_line_that_goes_before_the_result() -> None:
    screen = Tty()
    terminal = Terminal(out=screen, err=screen, as_json=False)
    with terminal:
        terminal.tell(Event("waiting", statuses={"us-east-1": "CREATING"}))
        terminal.result({}, "done")
    text = screen.getvalue()
    assert "waiting: us-east-1 CREATING" in text
    assert text.endswith("done\n")
    assert "\x1b[2K" in text.split("done")[0]  # the live line was erased
