"""The demo: every server and worker that the product needs, and one on-sale run against them.

Plain Python: Django runs in the children only, which get their settings through the environment.
"""

import contextlib
import http.client
import json
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from worldseat.local import ports, servers, static
from worldseat.local.processes import (
    Child,
    Program,
    ProgramFailed,
    Stopped,
    Supervisor,
    stopped_by_signals,
)
from worldseat.local.programs import Programs

_WATCH_SECONDS = 0.2
_WORKER_READY = re.compile(r"@\S+ ready\.")
# A first run makes every table statement by statement and compresses every static file: a minute,
# ten on a machine whose cores are all taken.
_STEP_SECONDS = 1200.0
_START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to show: `buyers` fans for one seat, from `regions`; `port` is where to try to serve."""

    buyers: int
    regions: Sequence[str]
    port: int
    once: bool


@dataclass(frozen=True)
class Scene:
    """What the stampede is about, as `manage.py seed_demo --json` tells it."""

    event: str
    seat: str
    logins: Sequence[Mapping[str, str]]


class BadSeed(Exception):
    """`manage.py seed_demo --json` printed something else than the event, its seat and logins."""

    def __init__(self, printed: str) -> None:
        self.printed = printed
        super().__init__(f"{self.__doc__} Nothing was sold. It printed: {printed[:500]!r}")


def run(options: Options, home: Path, environment: Mapping[str, str], console: Console) -> int:
    """Run the demo; return the exit status: the stampede's, 0 if the witness agrees.

    Serves until Ctrl-C or SIGTERM, or ends after the scoreboard with `options.once`. Whatever ends
    it, every process that it started ends with it. Raises what servers.FAILURES lists, BadSeed.
    """
    began = time.monotonic()
    try:
        with stopped_by_signals(), contextlib.ExitStack() as stack:
            with _step(console, "Database and broker"):
                supervisor, addresses = stack.enter_context(
                    servers.running(home, environment, regions=options.regions)
                )
            _say_whose(addresses, console)
            demo = _Demo(options, home, supervisor, addresses, environment, console)
            with _farewell(console):
                demo.prepare()
                status = demo.stampede()
                console.print(f"Took {time.monotonic() - began:.1f} s.", highlight=False)
                return status if options.once else demo.serve(status)
    except Stopped as stop:
        return 128 + stop.signal
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


class _Demo:
    """The stages of a running demo, one method each."""

    def __init__(
        self,
        options: Options,
        home: Path,
        supervisor: Supervisor,
        addresses: servers.Addresses,
        environment: Mapping[str, str],
        console: Console,
    ) -> None:
        self._options = options
        self._home = home
        self._supervisor = supervisor
        self._addresses = addresses
        self._console = console
        mails = home / "mail"
        # An address may hold a password: no word of it on the terminal.
        named = bool(environment.get("EMAIL_URL", "").strip())
        self._mails = "where EMAIL_URL says" if named else str(mails)
        self._programs = Programs(
            home,
            {
                "HTTPS_ONLY": "false",  # it serves on loopback, whatever database is behind it
                "SECRET_KEY": servers.secret_key(home),
                **environment,
                **({} if named else {"EMAIL_URL": f"file://{quote(str(mails))}"}),
                "DATABASE_URL": addresses.database_url,
                "REDIS_URL": addresses.redis_url,
                "WORLDSEAT_FOIL_DATABASE_URL": addresses.postgres_url,
                "PYTHONUNBUFFERED": "1",
            },
            addresses.database_url_in,
        )

    def prepare(self) -> None:
        """Start what the stampede needs, side by side where one needs not wait for the other."""
        workers = [
            self._supervisor.start(self._programs.worker(region))
            for region in self._options.regions
        ]
        collecting = None if static.are_current() else self._supervisor.start(self._collect())
        with _step(self._console, "Tables"):
            self._finish(self._supervisor.start(self._programs.manage("migrate", "--no-input")))
        with _step(self._console, "Demo event"):
            self._scene = self._seed()
        # Not before there are tables to look into.
        self._supervisor.start(self._programs.beat())
        if collecting:
            with _step(self._console, "Static files") as shown:
                self._finish(collecting, meanwhile=partial(_show_collected, collecting, shown))
                static.note_collected()
        with _step(self._console, "Web server"):
            self._start_web()
        with _step(self._console, f"A worker in {' and '.join(self._options.regions)}"):
            for worker in workers:
                self._supervisor.wait_until(
                    worker,
                    partial(_worker_is_ready, worker.program.log),
                    deadline=_START_SECONDS,
                )

    def stampede(self) -> int:
        """Have the buyers run and the scoreboard shown on our terminal; return its exit status."""
        words = ["--event", self._scene.event, "--seat", self._scene.seat]
        words += ["--buyers", str(self._options.buyers)]
        words += ["--regions", ",".join(self._options.regions)]
        program = self._programs.manage("stampede", *words, attached=True)
        return abs(self._supervisor.run(program, meanwhile=self._report_ended))

    def _show_addresses(self) -> None:
        show = partial(self._console.print, soft_wrap=True, highlight=False)
        show()
        for what, path in (
            ("Scoreboard", "/stampedes/latest/"),
            ("Events", "/"),
            ("Admin", "/admin/"),
            ("API docs", "/api/v1/docs/"),
        ):
            show(f"  {what:<11}{self._web_url}{path}")
        show(f"  {'Mails':<11}{escape(self._mails)}")
        show(f"  {'Logs':<11}{escape(str(self._home / 'logs'))}\n")
        logins = Table.grid(padding=(0, 2))
        for login in self._scene.logins:
            logins.add_row("", *(escape(str(value)) for value in login.values()))
        show(logins)

    def serve(self, status: int) -> int:
        """Serve until Ctrl-C or until what the pages need has died; return the exit status."""
        self._show_addresses()
        self._console.print("\n[bold]Serving; Ctrl-C ends everything.[/]")
        with contextlib.suppress(KeyboardInterrupt):
            while not self._report_ended():
                time.sleep(_WATCH_SECONDS)
            status = 1
        self._console.print("Stopping ...")
        return status

    def _collect(self) -> Program:
        # Its log then has a line for each file.
        return self._programs.manage("collectstatic", "--no-input", "--verbosity", "2")

    def _start_web(self) -> None:
        self._web, port = ports.start_on_free_port(
            self._supervisor,
            self._programs.web,
            preferred=self._options.port,
            ready_on=lambda port: partial(_is_healthy, port),
            deadline=_START_SECONDS,
        )
        self._web_url = f"http://127.0.0.1:{port}"
        addresses = replace(self._addresses, ports={**self._addresses.ports, "web": port})
        servers.publish(self._home, addresses, web_url=self._web_url)

    def _seed(self) -> Scene:
        printed = self._home / "demo.json"
        program = self._programs.manage("seed_demo", "--json", output=printed)
        self._finish(self._supervisor.start(program))
        text = printed.read_text()
        printed.unlink()  # it holds passwords
        try:
            seeded = json.loads(text)
            return Scene(seeded["event"], seeded["seat"], seeded["logins"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadSeed(text) from error

    def _finish(self, child: Child, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        program = child.program
        status = self._supervisor.finish(child, deadline=_STEP_SECONDS, meanwhile=meanwhile)
        if status != 0:
            raise ProgramFailed(program.name, f"failed with exit status {status}", program.log)

    def _report_ended(self) -> bool:
        """Say which children have died; return whether one of them was more than a worker."""
        ended = self._supervisor.newly_ended()
        for failure in ended:
            message = f"[bold red]{escape(str(failure))}[/]"
            self._console.print(message, soft_wrap=True, highlight=False)
            if failure.name.startswith("worker-"):
                self._console.print(
                    "Its region has no worker any more: start the demo again to have it back."
                )
        return any(not failure.name.startswith("worker-") for failure in ended)


@contextlib.contextmanager
def _farewell(console: Console) -> Iterator[None]:
    """Say what goes on when the user cuts the demo short: ending it takes some seconds."""
    try:
        yield
    except KeyboardInterrupt as stop:
        by = f" by {stop.signal.name}" if isinstance(stop, Stopped) else ""
        console.print(f"\n[yellow]Stopped{by}; ending what runs ...[/]")
        raise


def _say_whose(addresses: servers.Addresses, console: Console) -> None:
    """Warn of servers that are not ours: what follows migrates and fills them."""
    for name, variable, url in (
        ("postgres", "DATABASE_URL", addresses.database_url),
        ("valkey", "REDIS_URL", addresses.redis_url),
    ):
        if name not in addresses.ports:
            host = urlsplit(url).hostname
            console.print(f"[yellow]  Not embedded: {variable} names {host}.[/]", highlight=False)


@contextlib.contextmanager
def _step(console: Console, title: str) -> Iterator[Status]:
    began = time.monotonic()
    with console.status(f"{title} ...") as shown:
        yield shown
    console.print(f"[green]✓[/] {title:<40} {time.monotonic() - began:5.1f} s", highlight=False)


def _show_collected(collecting: Child, shown: Status) -> None:
    """Say how far collectstatic has got, by its log."""
    log = collecting.program.log
    done = log.read_text(errors="replace") if log else ""
    found, compressed = done.count("\nCopying "), done.count(".gz'\n")
    named = done.count("\nPost-processed ") - compressed
    shown.update(f"Static files: {found} found, {named} named, {compressed} compressed ...")


def _worker_is_ready(log: Path | None) -> bool:
    """Say whether Celery's log has its line `<name>@<host> ready.`

    `inspect ping` would say the same a second later and needs a process of its own.
    """
    with contextlib.suppress(OSError):
        return log is not None and _WORKER_READY.search(log.read_text(errors="replace")) is not None
    return False


def _is_healthy(port: int) -> bool:
    # Not urllib, which would ask the proxy that the environment may name.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
