"""State directories that nobody else uses, one served demo, and a look at what is left running."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.instances import Demo, FirstRun, Instance, ServedDemo, Start, copied


@pytest.fixture(scope="session")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Instance]]:
    """Make instances that end with the run; a path is too deep for a socket file, with spaces."""
    made: list[Instance] = []

    def make() -> Instance:
        base = tmp_path_factory.mktemp("a checkout")
        made.append(Instance(base / ("deep " * 20).strip() / ".worldseat"))
        return made[-1]

    yield make
    for instance in made:
        instance.end()


@pytest.fixture(scope="session")
def first_run(instances: Callable[[], Instance]) -> FirstRun:
    """Run the demo once, from nothing, although its port is taken."""
    instance = instances()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = instance.manage("demo", "--once", "--buyers", "12", "--port", port)
        output, _ = process.communicate()
    return FirstRun(instance.home, process.returncode, output, instance.left_behind())


@pytest.fixture(scope="session")
def served_demo(instances: Callable[[], Instance], first_run: FirstRun) -> ServedDemo:
    """The demo that tests share: not started before the first of them asks for it."""
    return ServedDemo(lambda: copied(first_run, instances()))


@pytest.fixture
def demo(served_demo: ServedDemo) -> Demo:
    """A demo that serves, for a test that leaves it as it is."""
    return served_demo.shared()


@pytest.fixture
def last_of_demo(served_demo: ServedDemo) -> Iterator[Demo]:
    """A demo that serves, for a test that ends it."""
    demo = served_demo.taken()
    yield demo
    demo.instance.end()


@pytest.fixture
def instance(instances: Callable[[], Instance]) -> Iterator[Instance]:
    """An instance of the test's own, with nothing in its state directory."""
    made = instances()
    yield made
    made.end()


@pytest.fixture
def home(instance: Instance) -> Path:
    """Return the test's own state directory, which is not there yet."""
    return instance.home


@pytest.fixture
def prepared(instance: Instance, first_run: FirstRun) -> None:
    """Let the test's own state directory be a copy of what a demo left."""
    copied(first_run, instance)


@pytest.fixture
def manage(instance: Instance) -> Start:
    """Return a function that starts a manage.py command on the test's own state directory."""
    return instance.manage


@pytest.fixture
def left_behind(instance: Instance) -> Callable[[], list[str]]:
    """Return a function that lists the processes which still run for the test's own directory."""
    return instance.left_behind
