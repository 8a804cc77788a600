"""Every target of the Makefile is made: here what takes a moment, by `make test-all` the rest.

Each in a copy of the checkout, at its smallest size.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
from pathlib import Path

import pytest
from django.core.management import load_command_class

from tests.helpers.chromium import NoBrowser, find
from tests.started import listing
from tests.started.checkouts import Checkout, needs_environment
from worldseat.local import state

apart = pytest.mark.apart

# One option of each that takes any.
OPTIONS = {
    "demo": "ONCE=1 BUYERS=2 PORT=8000",
    "test-endpoints": "ARGS='-k seat'",
    "django-suite": "LABELS=update JSON=out",
    "fuzz": "REQUESTS=2",
    "long-run": "ROUNDS=2",
    "queue-simulation": "JOINERS=60",
    "bench": "ONLY=sale ROUNDS=1 JSON=out MARKDOWN=out",
}
# What is made at its full size where nothing else is said.
SIZES = {
    "long-run": "WORLDSEAT_LONG_RUN=100 ",
    "fuzz": "WORLDSEAT_FUZZ=100 ",
    "queue-simulation": "WORLDSEAT_QUEUE_JOINERS=100000 ",
}


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    """A copy with the Makefile, and what setup needs."""
    needs_environment()
    return Checkout(tmp_path / "checkout", whole=False)


@pytest.fixture
def whole(tmp_path: Path) -> Checkout:
    """A copy with everything."""
    needs_environment()
    return Checkout(tmp_path / "checkout", whole=True)


@pytest.fixture
def fetched() -> dict[str, str]:
    """Where what was fetched before is found: Django's own tests, Chromium."""
    return {"WORLDSEAT_STATE_DIR": str(state.directory())}


@apart
@pytest.mark.parametrize("target", listing.targets())
def test_shows_commands_that_there_are(target: str) -> None:
    """A target that is renamed, or whose tests are moved, is found without being made."""
    for words in ([], shlex.split(OPTIONS.get(target, ""))):
        done = subprocess.run(
            ["make", "-n", target, *words], cwd=listing.CHECKOUT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            _check(line.split())
        if not words:
            assert SIZES.get(target, "") in done.stdout


def _check(words: list[str]) -> None:
    """Look for each module, command and file that a line of the shell has."""
    for at, word in enumerate(words):
        if word == "-m":
            assert importlib.util.find_spec(words[at + 1]), words
        elif word == "manage.py":
            command = load_command_class("worldseat", words[at + 1])
            command.create_parser("manage.py", words[at + 1]).parse_args(words[at + 2 :])
        elif word.startswith(("tests/", ".ci/")):
            assert (listing.CHECKOUT / word).exists(), word


@apart
def test_help_explains_every_target(bare: Checkout) -> None:
    lines = bare.make("help").splitlines()
    assert [line.split()[1] for line in lines] == listing.helped()
    assert all(len(line.split()) > 2 for line in lines)


@apart
def test_setup_is_instant_when_nothing_changed(bare: Checkout) -> None:
    assert bare.make("setup") == ""
    assert sorted(path.name for path in bare.path.iterdir()) == [
        ".ci",
        ".venv",
        "Makefile",
        "uv.lock",
    ]


@apart
def test_clean_leaves_the_sources(bare: Checkout) -> None:
    made = [".worldseat", "staticfiles", ".mypy_cache", ".ruff_cache", ".pytest_cache"]
    for name in (*made, "sales"):
        (bare.path / name).mkdir()
        (bare.path / name / "file").touch()
    before = Path(bare.path / ".venv").resolve()
    bare.make("clean")
    assert sorted(path.name for path in bare.path.iterdir()) == [
        ".ci",
        "Makefile",
        "sales",
        "uv.lock",
    ]
    assert (bare.path / "sales" / "file").exists()
    assert (before / "synced.lock").exists(), "a link is removed, not what it leads to"


@apart
def test_browser_names_a_program(bare: Checkout, fetched: dict[str, str]) -> None:
    try:
        browser = find()
    except NoBrowser as error:
        pytest.skip(f"no browser: {error}")
    (bare.path / "tests").symlink_to(listing.CHECKOUT / "tests")
    (bare.path / "worldseat").symlink_to(listing.CHECKOUT / "worldseat")
    assert bare.make("browser", **fetched).splitlines()[-1] == str(browser.path)


@apart
@pytest.mark.full
@pytest.mark.timeout(600)
def test_demo_sells_a_seat_and_ends(whole: Checkout) -> None:
    said = whole.make("demo", "ONCE=1", "BUYERS=4", "PORT=8765")
    assert "The witness agrees: 1 valid ticket" in said


@apart
@pytest.mark.full
@pytest.mark.timeout(600)
def test_test_runs_one_subject(whole: Checkout) -> None:
    said = whole.make("test", "ONLY=test_cast.py")
    assert "passed" in said


@apart
@pytest.mark.full
@pytest.mark.timeout(600)
def test_test_all_runs_one_part(whole: Checkout) -> None:
    flaky = whole.path / "tests" / "flaky.md"
    flaky.write_text("# Flaky tests\n")
    assert "flaky       passed" in whole.make("test-all", "ONLY=flaky")
    row = "| flaky | each test of tests/flaky.md, 20 times | "
    assert row in (whole.path / "docs" / "test-runs.md").read_text()


@apart
@pytest.mark.full
@pytest.mark.timeout(1200)
def test_test_endpoints_runs_what_is_asked_for(whole: Checkout) -> None:
    said = whole.make("test-endpoints", "ARGS=-k test_a_sale_is_told_as_it_was")
    assert "1 passed" in said


@apart
@pytest.mark.full
@pytest.mark.timeout(1200)
def test_django_suite_runs_one_label(whole: Checkout, fetched: dict[str, str]) -> None:
    said = whole.make("django-suite", "LABELS=update_only_fields", "JSON=figures.json", **fetched)
    assert "update_only_fields" in said
    (label,) = json.loads((whole.path / "figures.json").read_text())
    assert label["label"] == "update_only_fields"


@apart
@pytest.mark.full
@pytest.mark.timeout(1200)
def test_long_run_drives_the_sale(whole: Checkout) -> None:
    assert "1 passed" in whole.make("long-run", "ROUNDS=1")


@apart
@pytest.mark.full
@pytest.mark.timeout(1200)
def test_stop_at_every_statement_migrates(whole: Checkout) -> None:
    one = {"PYTEST_ADDOPTS": "-k test_goes_on_after_a_kill_in_the_middle_of_a_copy"}
    assert "1 passed" in whole.make("stop-at-every-statement", **one)


@apart
@pytest.mark.full
@pytest.mark.timeout(1200)
def test_fuzz_sends_one_request_of_each_kind(whole: Checkout) -> None:
    assert "1 passed" in whole.make("fuzz", "REQUESTS=1")


@apart
@pytest.mark.full
@pytest.mark.timeout(600)
def test_queue_simulation_lets_in_a_few(whole: Checkout) -> None:
    assert "1 passed" in whole.make("queue-simulation", "JOINERS=60")


@apart
@pytest.mark.full
@pytest.mark.timeout(1200)
def test_bench_measures_one_case(whole: Checkout) -> None:
    words = ["ONLY=connecting", "ROUNDS=1", "JSON=figures.json", "MARKDOWN=figures.md"]
    done = whole.run("bench", *words)
    # make ends with 2 where a bar is missed, which on a machine that is busy it may be.
    assert done.returncode in (0, 2), done.stdout + done.stderr
    assert json.loads((whole.path / "figures.json").read_text())
    assert (whole.path / "figures.md").read_text()


@apart
@pytest.mark.full
@pytest.mark.timeout(1800)
def test_screenshots_draws_the_pictures(whole: Checkout, fetched: dict[str, str]) -> None:
    images = whole.path / "docs" / "images"
    names = sorted(path.name for path in images.iterdir())
    assert "1 passed" in whole.make("screenshots", **fetched)
    assert sorted(path.name for path in images.iterdir()) == names
