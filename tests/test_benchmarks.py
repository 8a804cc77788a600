"""What the benchmarks make of what they have measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.__main__ import ran
from tests.benchmarks.cases.pretix import CASE, LEAST, OURS, PRETIX, check, hold_against_bar
from tests.benchmarks.figures import Found
from tests.benchmarks.floors.pretix.installing import Unavailable, installed
from tests.benchmarks.halls import HallRanOut
from tests.benchmarks.load.client import Run
from tests.benchmarks.sizes import MARGIN, MOST_SEATS, size_for
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


def test_a_hall_has_seats_for_what_its_floor_could_sell_with_a_margin() -> None:
    size = size_for(2000, floor="SQL", seconds=2, least=1000)
    assert (size.seats, size.seconds) == (2000 * 2 * MARGIN, 2)
    assert size.why == "the floor (SQL) sells 2,000/s, and the seats are for 3.0 times as many"


def test_a_machine_ten_times_as_fast_gets_ten_times_the_seats() -> None:
    slow = size_for(1000, floor="SQL", seconds=2, least=1000)
    fast = size_for(10_000, floor="SQL", seconds=2, least=1000)
    assert (fast.seats, fast.seconds) == (slow.seats * 10, slow.seconds)


def test_a_slow_machine_gets_no_smaller_hall_than_the_least() -> None:
    size = size_for(100, floor="SQL", seconds=2, least=6000)
    assert (size.seats, size.seconds) == (6000, 2)
    assert "30.0 times as many" in size.why


@pytest.mark.parametrize("rate", [1, 700, 2063, 9999, 20_630, 33_333])
@pytest.mark.parametrize("seconds", [2.0, 3.0, 10.0])
def test_what_is_chosen_lasts_for_the_floor_and_its_margin(rate: float, seconds: float) -> None:
    size = size_for(rate, floor="SQL", seconds=seconds, least=1000)
    assert size.seats >= rate * size.seconds * MARGIN
    assert size.seats <= MOST_SEATS
    assert size.seconds <= seconds


def test_where_the_hall_would_be_too_large_the_time_is_shorter_and_whole_seconds() -> None:
    size = size_for(12_000, floor="SQL", seconds=10, least=1000)
    assert (size.seats, size.seconds) == (72_000, 2)
    assert size.why.endswith("2 s instead of 10, since a hall has 100,000 seats at most")


def test_a_floor_beyond_all_halls_leaves_one_second_and_says_what_the_margin_is() -> None:
    size = size_for(80_000, floor="SQL", seconds=2, least=1000)
    assert (size.seats, size.seconds) == (MOST_SEATS, 1)
    assert "1.2 times as many" in size.why


def test_a_case_may_have_a_margin_and_a_limit_of_its_own() -> None:
    size = size_for(2000, floor="DRF", seconds=10, least=1500, most=10_000, margin=1)
    assert (size.seats, size.seconds) == (10_000, 5)


def test_a_hall_that_ran_out_is_named_with_its_size() -> None:
    error = HallRanOut("granian", seats=6000, seconds=2.0)
    assert "granian: the hall of 6,000 seats ran out before its 2 s were over" in str(error)
    assert "not valid" in str(error)


def asked(*, requests: int, seconds: float) -> Run:
    """Return a load of so many requests whose time begins now."""
    run = Run(
        {"requests": ["x"] * requests, "clients": 0, "seconds": seconds, "host": "", "port": 0}
    )
    run.start()
    return run


def test_a_load_with_no_request_left_in_its_time_has_run_out() -> None:
    run = asked(requests=1, seconds=3600)
    assert run.next() == b"x"
    assert not run.ran_out
    assert run.next() is None
    assert run.ran_out


def test_a_load_whose_time_is_over_first_has_not() -> None:
    run = asked(requests=1, seconds=0)
    assert run.next() is None
    assert not run.ran_out


def test_a_case_that_fails_leaves_the_others_theirs_and_says_why() -> None:
    class Outrun:
        CASE = "small"

        @staticmethod
        def run(*_: object) -> None:
            raise HallRanOut("granian", seats=60, seconds=2.0)

    found = Found()
    assert not ran(Outrun, None, found, 1)  # type: ignore[arg-type]  # a stage that nobody uses
    assert "HallRanOut: granian: the hall of 60 seats ran out" in found.notes["small has failed"]
