"""What the benchmarks make of what they have measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.cases.pretix import CASE, LEAST, OURS, PRETIX, check, hold_against_bar
from tests.benchmarks.figures import Found
from tests.benchmarks.floors.pretix.installing import Unavailable, installed
from tests.benchmarks.statements import count


def measured(**rates: list[float]) -> Found:
    """Return what two rounds came to, for names such as `ours_16`."""
    found = Found()
    for name, values in rates.items():
        who, clients = name.split("_")
        for value in values:
            contender = OURS if who == "ours" else PRETIX
            size = f"{clients} clients"
            found.add(CASE, contender, "sales", value, "/s", size=size)
            found.add(CASE, contender, "web", 6 if who == "ours" else 600, "ms", size=size)
            found.add(CASE, contender, "database", 4 if who == "ours" else 100, "ms", size=size)
    return found


def test_the_sale_is_held_against_pretix_round_by_round_each_at_its_best() -> None:
    found = measured(ours_16=[10, 10], ours_32=[400, 200], theirs_16=[10, 4], theirs_32=[1000, 1])
    found.series[CASE, "32 clients", PRETIX, "sales"].values = [1, 1]
    hold_against_bar(found)
    (bar,) = found.bars
    assert bar.measured.startswith("45.0 x (40.0 to 50.0)")
    assert bar.measured.endswith("of processor time 70 x less a sale")
    assert "in this run" in bar.wanted
    assert bar.met


def test_a_ratio_below_the_bar_misses_it() -> None:
    found = measured(ours_16=[LEAST * 10 - 1], theirs_16=[10])
    hold_against_bar(found)
    assert not found.bars[0].met


def test_without_pretix_what_is_on_record_counts_and_the_bar_says_so() -> None:
    found = measured(ours_16=[420])
    hold_against_bar(found)
    (bar,) = found.bars
    assert "recorded on another day" in bar.wanted
    assert "not measured in this run" in bar.wanted
    assert bar.measured == "30.0 x: 420/s"
    assert bar.met


@pytest.mark.apart
def test_pretix_that_cannot_be_fetched_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(Unavailable, match=r"could not be installed: .*pretix"):
        installed(tmp_path / "pretix")
    with pytest.raises(Unavailable):  # half an environment is none
        installed(tmp_path / "pretix")


def test_a_seat_sold_twice_or_an_order_too_few_is_no_measurement() -> None:
    check(7, 7, 7, 7)
    with pytest.raises(RuntimeError, match="7 sales were answered"):
        check(7, 7, 7, 6)
    with pytest.raises(RuntimeError, match="has 6 orders"):
        check(7, 6, 7, 7)


def test_statements_are_counted_in_the_log_by_database_and_once_each() -> None:
    log = (
        "bench:pretix LOG:  statement: BEGIN\n"
        "bench:pretix LOG:  statement: SELECT 1\n\t, 'execute this: LOG:  statement: '\n"
        "bench:pretix LOG:  execute <unnamed>: COMMIT\n"
        "bench:pretix DETAIL:  Parameters: $1 = 'x'\n"
        "bench:pretix_2026 LOG:  statement: BEGIN\n"
        "bench:postgres LOG:  statement: BEGIN\n"
    )
    assert count(log, "pretix") == 3
