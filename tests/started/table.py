"""Which test starts what: the ids of tests, by the names that tests.started.listing finds.

`python -m tests.started` writes it into docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ALL", "COMMANDS", "PROGRAMS", "TARGETS", "TASKS", "named_by"]

_HERE = "tests/started"
_TASKS = f"{_HERE}/test_tasks.py"
_TARGETS = f"{_HERE}/test_targets.py"

# All by one test: a worker takes what beat and others send. tests.started.rows has what each does.
TASKS: Mapping[str, str] = dict.fromkeys(
    [
        "sales.bulk_job",
        "sales.complete_refunds",
        "sales.deliver_webhooks",
        "sales.drain_outbox",
        "sales.offer_returned_seats",
        "sales.offer_what_came_back",
        "sales.refund_late_orders",
        "sales.resume_bulk_jobs",
        "sales.send_mails",
        "sales.settle_payments",
        "sales.stampede",
        "sales.stampede_region",
        "sales.stampede_watch",
        "sales.tidy_holds",
        "sales.tidy_outbox",
        "worldseat.send_mail",
    ],
    f"{_TASKS}::test_a_worker_does_all_that_beat_and_others_send",
)

COMMANDS: Mapping[str, str] = {
    "check_books": "tests/sales/test_check_books.py::test_is_content_with_books_that_add_up",
    "demo": "tests/local/test_demo.py::test_sells_the_seat_once_and_ends",
    "dsql_cluster": (
        "tests/dsql/clusters/test_create.py::test_makes_a_pair_in_which_each_names_the_other"
    ),
    "import_plan": (
        "tests/sales/plans/test_import_command.py::test_imports_a_file_and_says_so_as_json"
    ),
    "local": "tests/local/test_servers.py::test_serves_and_is_found_by_others",
    "reseal": (
        "tests/accounts/test_reseal.py::test_seals_apps_and_recovery_codes_under_the_new_key"
    ),
    "seed_demo": "tests/sales/test_seed_demo.py::test_puts_a_fresh_event_on_sale_with_its_96_seats",
    "simulate_queue": (
        "tests/sales/waiting_room/test_simulation.py"
        "::test_is_fair_from_two_regions_through_a_restart_of_valkey"
    ),
    "stampede": "tests/stampede/test_command.py::test_prints_a_table_and_a_verdict",
}

PROGRAMS: Mapping[str, str] = {
    "worldseat.local.dynamodb": (
        "tests/stampede/test_dynamodb.py::test_sells_once_with_strong_consistency"
    ),
    "worldseat.local.endpoint": (
        "tests/local/endpoint/test_connecting.py::test_refuses_a_client_without_tls"
    ),
    "worldseat.local.tether": (
        "tests/test_web.py::test_another_worker_takes_the_place_of_one_that_was_killed"
    ),
    "worldseat.web": (
        "tests/test_web.py::test_another_worker_takes_the_place_of_one_that_was_killed"
    ),
}

TARGETS: Mapping[str, str] = {
    "help": f"{_TARGETS}::test_help_explains_every_target",
    "setup": f"{_TARGETS}::test_setup_is_instant_when_nothing_changed",
    "browser": f"{_TARGETS}::test_browser_names_a_program",
    "clean": f"{_TARGETS}::test_clean_leaves_the_sources",
    "demo": f"{_TARGETS}::test_demo_sells_a_seat_and_ends",
    "test": f"{_TARGETS}::test_test_runs_one_subject",
    "test-all": f"{_TARGETS}::test_test_all_runs_one_part",
    "test-endpoints": f"{_TARGETS}::test_test_endpoints_runs_what_is_asked_for",
    "django-suite": f"{_TARGETS}::test_django_suite_runs_one_label",
    "long-run": f"{_TARGETS}::test_long_run_drives_the_sale",
    "stop-at-every-statement": f"{_TARGETS}::test_stop_at_every_statement_migrates",
    "fuzz": f"{_TARGETS}::test_fuzz_sends_one_request_of_each_kind",
    "queue-simulation": f"{_TARGETS}::test_queue_simulation_lets_in_a_few",
    "bench": f"{_TARGETS}::test_bench_measures_one_case",
    "screenshots": f"{_TARGETS}::test_screenshots_draws_the_pictures",
}

ALL: Mapping[str, Mapping[str, str]] = {
    "task": TASKS,
    "command": COMMANDS,
    "program": PROGRAMS,
    "target": TARGETS,
}


def named_by(test: str) -> set[tuple[str, str]]:
    """Return what a test is named for: ("command", "demo"). Its parameters do not matter."""
    plain = test.partition("[")[0]
    return {(kind, name) for kind, rows in ALL.items() for name, by in rows.items() if by == plain}
