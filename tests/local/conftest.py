"""State directories that nobody else uses, one served demo, and a look at what is left running."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

Start = Callable[..., "subprocess.Popen[str]"]


@dataclass
class Instance:
    """A state directory and the manage.py commands that were started on it."""

    home: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def manage(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a manage.py command."""
        inherited = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "manage.py"), *words],
            env={**inherited, "WORLDSEAT_STATE_DIR": str(self.home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def left_behind(self) -> list[str]:
        """List the processes started for the state directory which still run."""
        return [process.info["name"] for process in _processes_of(self.home)]

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in self.started:
            process.kill()
            process.wait()
        for left in _processes_of(self.home):
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()


@dataclass(frozen=True)
class FirstRun:
    """What `manage.py demo --once` did where there was nothing."""

    home: Path
    status: int
    output: str
    left_behind: list[str]


@dataclass(frozen=True)
class Demo:
    """A demo that serves, and what it printed until then."""

    instance: Instance
    process: subprocess.Popen[str]
    output: str


class ServedDemo:
    """One served demo for all tests that leave it as it is; who does not takes it away."""

    def __init__(self, instance: Callable[[], Instance]) -> None:
        self._instance = instance
        self._demo: Demo | None = None

    def shared(self) -> Demo:
        """Return it, started if need be."""
        if self._demo is None:
            instance = self._instance()
            words = ("--buyers", "4")
            process = instance.manage("demo", *words, WEBHOOK_PRIVATE_NETWORKS="127.0.0.1/32")
            self._demo = Demo(instance, process, read_until(process, "Serving"))
        return self._demo

    def taken(self) -> Demo:
        """Return it for the last time: the next test gets another one."""
        demo, self._demo = self.shared(), None
        return demo


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


def copied(first_run: FirstRun, instance: Instance) -> Instance:
    """Return an instance with a copy of what a demo left: a database with tables and events."""
    instance.home.parent.mkdir(parents=True)
    # With the owners of the files, which PostgreSQL insists on.
    subprocess.run(["cp", "-a", str(first_run.home), str(instance.home)], check=True)
    return instance


def read_until(process: subprocess.Popen[str], mark: str) -> str:
    """Read what a command prints up to a line with `mark`; fail if it ends before."""
    assert process.stdout is not None
    read: list[str] = []
    for line in process.stdout:
        read.append(line)
        if mark in line:
            return "".join(read)
    raise AssertionError(f"it ended without {mark!r}:\n{''.join(read)}")


def interrupt(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C."""
    process.send_signal(signal.SIGINT)


def _processes_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        try:
            # PostgreSQL's backends overwrite their environment, but run in the data directory.
            named = process.environ().get("WORLDSEAT_STATE_DIR") == str(home)
            at_home = named or Path(process.cwd()).is_relative_to(home)
            if at_home and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found
