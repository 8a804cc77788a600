"""TCP ports on loopback: the one used last time if it is free, else any that is."""

import contextlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

from worldseat.local.processes import Child, Program, ProgramFailed, Supervisor, last_lines

_ATTEMPTS = 5
# What PostgreSQL, Valkey and the web server say.
_TAKEN = ("Address already in use", "Connection in use")
_NEIGHBOURS = 20


def is_free(port: int) -> bool:
    """Say whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, or a port whose last connections linger would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(preferred: int) -> int:
    """Return `preferred` if it is free, else the next one that is, else one the system picks."""
    for neighbour in range(preferred, min(preferred + _NEIGHBOURS, 65536)):
        if is_free(neighbour):
            return neighbour
    return _any()


def _any() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def remembered(home: Path, name: str, default: int) -> int:
    """Return the port that `name` had in the last run, so that addresses stay the same."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        return int(json.loads((home / "ports.json").read_text())[name])
    return default


def remember(home: Path, numbers: dict[str, int]) -> None:
    """Store the ports of this run."""
    (home / "ports.json").write_text(json.dumps(numbers))


def start_on_free_port(
    supervisor: Supervisor,
    program_on: Callable[[int], Program],
    *,
    preferred: int,
    ready_on: Callable[[int], Callable[[], bool]],
    deadline: float = 30.0,
) -> tuple[Child, int]:
    """Start a server on the preferred port or another one; return it and its port.

    The port chosen may be taken by someone else before the server binds it: then another is tried.
    """
    for _ in range(_ATTEMPTS - 1):
        port = choose(preferred)
        program = program_on(port)
        try:
            return supervisor.start(program, ready=ready_on(port), deadline=deadline), port
        except ProgramFailed:
            end = last_lines(program.log) if program.log else ""
            if not any(taken in end for taken in _TAKEN):
                raise
    port = _any()
    return supervisor.start(program_on(port), ready=ready_on(port), deadline=deadline), port
