"""Children that end with us: started, waited for, watched and stopped together."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

_TETHER = Path(__file__).with_name("tether.py")
_POLL_SECONDS = 0.02
_LOG_LINES = 15


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run and how to end it.

    `command[0]` is an absolute path. `stop_signal` asks it to end, and SIGKILL follows after
    `grace` seconds; `death_signal` is what the kernel sends it when we are killed and cannot ask.
    `account` (for root only) is whom to run as; `reach` are the directories which that account must
    enter. `log` None leaves the program on our terminal; `output` takes standard output away from
    it. `stdin` is given to the program whole.
    """

    name: str
    command: Sequence[str]
    log: Path | None
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    output: Path | None = None
    stdin: bytes | None = None
    account: str | None = None
    reach: Sequence[Path] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0


class ProgramFailed(Exception):
    """A program ended, or was not ready in time."""

    def __init__(self, name: str, what: str, log: Path | None) -> None:
        self.name = name
        self.log = log
        tail = last_lines(log) if log else ""
        where = f"\nThe end of {log}:\n{tail}" if tail else ""
        super().__init__(f"{name} {what}{where}")


def last_lines(log: Path, *, count: int = _LOG_LINES) -> str:
    """Return the last `count` lines of a log, "" if there is none."""
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    return ""


@dataclass
class Child:
    """A running program. `status` is its exit status once it has ended, negative for a signal."""

    program: Program
    process: "subprocess.Popen[bytes]"
    reported: bool = field(default=False)

    @property
    def pid(self) -> int:
        """Return the program's process id, which is its process group's too."""
        return self.process.pid

    def has_ended(self) -> bool:
        """Say whether it has ended, without reaping it.

        Unreaped, its id cannot be given to another process, so that `kill_group` hits no stranger.
        """
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the program and whatever it started in its process group."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def reap(self) -> int:
        """Kill what is left of its process group and return its exit status."""
        self.signal_group(signal.SIGKILL)
        return self.process.wait()

    def describe_end(self) -> str:
        """Say in words how it ended."""
        status = self.reap()
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"


class Supervisor:
    """Start programs one after another; stop them in reverse when the `with` block is left.

    Use it on the main thread: the kernel ties a child to the thread that started it (prctl(2),
    PR_SET_PDEATHSIG), so a thread's end would take its children along.
    """

    def __init__(self) -> None:
        self._children: list[Child] = []

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(
        self,
        program: Program,
        *,
        ready: Callable[[], bool] | None = None,
        deadline: float = 30.0,
    ) -> Child:
        """Start a program and wait until `ready` says so, at most `deadline` seconds.

        Raises ProgramFailed, with the end of its log, if it ends first or the time is up.
        """
        child = _spawn(program)
        self._children.append(child)
        if ready is not None:
            self.wait_until(child, ready, deadline=deadline)
        return child

    def wait_until(self, child: Child, ready: Callable[[], bool], *, deadline: float) -> None:
        """Wait until `ready` is true; raise ProgramFailed if the child ends or the time is up."""
        until = time.monotonic() + deadline
        while not ready():
            if child.has_ended():
                self._children.remove(child)
                raise ProgramFailed(child.program.name, child.describe_end(), child.program.log)
            if time.monotonic() > until:
                what = f"was not ready after {deadline:.0f} s"
                raise ProgramFailed(child.program.name, what, child.program.log)
            time.sleep(_POLL_SECONDS)

    def run(
        self,
        program: Program,
        *,
        deadline: float | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> int:
        """Run a program to its end and return its exit status, negative for a signal.

        `meanwhile` is called every few hundredths of a second. Raises ProgramFailed after
        `deadline` seconds.
        """
        return self.finish(self.start(program), deadline=deadline, meanwhile=meanwhile)

    def finish(
        self,
        child: Child,
        *,
        deadline: float | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> int:
        """Wait for the end of a program that `start` returned; otherwise as `run`."""
        until = None if deadline is None else time.monotonic() + deadline
        while not child.has_ended():
            if until is not None and time.monotonic() > until:
                what = f"was not done after {deadline:.0f} s"
                raise ProgramFailed(child.program.name, what, child.program.log)
            meanwhile()
            time.sleep(_POLL_SECONDS)
        self._children.remove(child)
        return child.reap()

    def newly_ended(self) -> list[ProgramFailed]:
        """Return a report for each child that has ended since the last call."""
        ended = [child for child in self._children if not child.reported and child.has_ended()]
        for child in ended:
            child.reported = True
        return [ProgramFailed(c.program.name, c.describe_end(), c.program.log) for c in ended]

    def stop(self) -> None:
        """Stop every child, the last started first; a Ctrl-C meanwhile cuts the grace short."""
        with _interrupts_noted() as interrupted:
            while self._children:
                _stop(self._children[-1], lambda: bool(interrupted))
                self._children.pop()


def _spawn(program: Program) -> Child:
    words = [sys.executable, "-I", "-S", str(_TETHER), "--parent", str(os.getpid())]
    words += ["--death-signal", str(int(program.death_signal))]
    if program.account:
        words += ["--account", program.account]
        words += [f"--reach={path}" for path in program.reach]
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(program.log.open("wb")) if program.log else None
        output = stack.enter_context(program.output.open("wb")) if program.output else log
        process = subprocess.Popen(
            [*words, "--", *program.command],
            stdin=subprocess.DEVNULL if program.stdin is None else subprocess.PIPE,
            stdout=output,
            stderr=log,
            env=dict(program.env) if program.env is not None else None,
            cwd=program.cwd,
            process_group=0,
        )
    if process.stdin is not None and program.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(program.stdin)
    return Child(program, process)


def _stop(child: Child, in_a_hurry: Callable[[], bool]) -> None:
    if not child.has_ended():
        child.signal_group(child.program.stop_signal)
        until = time.monotonic() + child.program.grace
        while not child.has_ended() and time.monotonic() < until and not in_a_hurry():
            time.sleep(_POLL_SECONDS)
    child.reap()


class Stopped(KeyboardInterrupt):
    """We were asked to end by SIGTERM or SIGHUP."""

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP end the block as Ctrl-C does, so that children are stopped.

    Ctrl-C too: a shell that starts us with `&` has made us ignore it, and Python leaves it so.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _interrupts_noted() -> Iterator[list[int]]:
    """Collect SIGINT, SIGTERM and SIGHUP instead of dying half way through stopping."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    before = {
        number: signal.signal(number, note)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
