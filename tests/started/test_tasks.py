"""Each task does what it is sent for: sent as beat sends it, and taken by a worker."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from celery.app.task import Task
from celery.beat import ScheduleEntry, Scheduler
from django.conf import settings
from kombu import Producer

from accounts.models import Organisation, User
from sales.models import OutboxEvent
from tests.helpers.waiting import wait_until
from tests.started import listing
from tests.started.rows import BY_BEAT, BY_OTHERS, FOLLOWING, Scene
from tests.started.worker import working
from worldseat.celery import app

pytestmark = pytest.mark.django_db(transaction=True)

SCHEDULE: Mapping[str, Mapping[str, Any]] = settings.CELERY_BEAT_SCHEDULE


@pytest.fixture
def scene(acme: Organisation, alice: User, now: datetime) -> Scene:
    """Acme, and its owner."""
    return Scene(acme, alice, now)


@pytest.fixture
def beat() -> Callable[[str], Any]:
    """Send the task of an entry of the schedule as beat does."""
    app.loader.import_default_modules()
    scheduler = Scheduler(app, lazy=True)  # type: ignore[arg-type] # of our own tasks
    scheduler.merge_inplace(app.conf.beat_schedule)

    def send(name: str) -> Any:
        entry: ScheduleEntry = scheduler.schedule[name]
        return scheduler.apply_async(entry, advance=False)

    return send


@contextmanager
def at_once() -> Iterator[None]:
    """Run the tasks where they are sent, as they are sent: what they raise is raised."""
    app.conf.task_always_eager = True
    try:
        yield
    finally:
        app.conf.task_always_eager = False


def test_each_has_rows_here() -> None:
    assert {entry["task"] for entry in SCHEDULE.values()} == set(BY_BEAT)
    assert {*BY_BEAT, *BY_OTHERS, *FOLLOWING} == listing.tasks()


@pytest.mark.parametrize("name", SCHEDULE)
def test_beat_sends_what_the_task_takes(name: str) -> None:
    listing.tasks()
    entry = SCHEDULE[name]
    task = app.tasks[entry["task"]]
    inspect.signature(task.run).bind(*entry.get("args", ()), **entry.get("kwargs", {}))
    takes: list[Any] = [Task.apply_async, app.send_task, app.amqp.as_task_v2, Producer.publish]
    known = {name for each in takes for name in inspect.signature(each).parameters}
    assert set(entry.get("options", {})) <= known
    assert set(entry) <= {"task", "schedule", "args", "kwargs", "options", "relative"}


@pytest.mark.parametrize("name", SCHEDULE)
def test_does_its_work_when_beat_sends_it(
    name: str, scene: Scene, beat: Callable[[str], Any]
) -> None:
    is_done = BY_BEAT[SCHEDULE[name]["task"]](scene)
    assert not is_done()
    with at_once():
        beat(name).get()
    assert is_done()


def test_does_nothing_on_an_empty_database(db: None, beat: Callable[[str], Any]) -> None:
    with at_once():
        for name in SCHEDULE:
            beat(name).get()
    assert not OutboxEvent.objects.exists()


@pytest.mark.usefixtures("mailoutbox")
def test_a_worker_does_all_that_beat_and_others_send(
    scene: Scene, beat: Callable[[str], Any]
) -> None:
    with working(["worldseat", *settings.REGIONS]) as ended:
        left = {name: arrange(scene) for name, arrange in {**BY_BEAT, **BY_OTHERS}.items()}
        for name in SCHEDULE:
            beat(name)

        def is_over() -> bool:
            return bool(ended.failed) or ended.succeeded == listing.tasks()

        wait_until(is_over, what="every task to end")
        assert not ended.failed, "\n".join(ended.failed.values())
        for name, is_done in left.items():
            wait_until(is_done, what=f"what {name} does")
