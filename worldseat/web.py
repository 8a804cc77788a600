"""The web server: `python -m worldseat.web --port 8000`.

It is granian, whose HTTP is Rust's: the answer to one of the thousands who watch costs it a
seventh of what gunicorn's threads took. The application is loaded once, before the workers are
forked; another one is forked for a worker that dies.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

__all__ = ["main", "whole"]

# Of each worker, idle ones included: who watches keeps hers.
_CONNECTIONS = 8192
_NOT_YET_ACCEPTED = 4096
# A thread that ends takes its connection to the database along.
_IDLE_THREAD_SECONDS = 600
_SILENT_CONNECTION_MILLISECONDS = 60_000
_SECONDS_TO_FINISH = 30


def main(words: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT: what has been asked by then is answered first."""
    asked = _parser().parse_args(words)
    _refuse_taken(asked.host, asked.port)
    _allow_as_many_files_as_may_be()
    server = Granian(
        asked.application,
        address=asked.host,
        port=asked.port,
        interface=Interfaces.WSGI,
        loop=Loops.asyncio,
        workers=asked.workers,
        blocking_threads=asked.threads,
        blocking_threads_idle_timeout=_IDLE_THREAD_SECONDS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_SILENT_CONNECTION_MILLISECONDS),
        websockets=False,
        backlog=_NOT_YET_ACCEPTED,
        backpressure=_CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=_SECONDS_TO_FINISH,
        log_level=LogLevels.error,
    )
    server.on_startup(partial(importlib.import_module, asked.application))
    server.serve(target_loader=_application)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worldseat.web", description="The web server.")
    parser.add_argument(
        "--application", default="worldseat.wsgi", help="the module of a WSGI application"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2, help="processes: one for each core")
    parser.add_argument("--threads", type=int, default=8, help="requests at once in each of them")
    return parser


def _refuse_taken(host: str, port: int) -> None:
    """End if somebody listens there: granian would share the port with another server like it."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        sys.exit(f"Nothing was started: {host}:{port} cannot be listened on. {error.strerror}")


def _allow_as_many_files_as_may_be() -> None:
    """Raise the limit of open files, often 1,024: a connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _application(module: str) -> Callable[..., Any]:
    """Return the application, in a worker: loaded already, where workers are forked."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return whole(importlib.import_module(module).application)


def whole(application: Callable[..., Any]) -> Callable[..., Any]:
    """Hand over answers as one piece that are one: by pieces, granian takes a twentieth of a sale.

    Django closes such an answer, and with it the request, before it is sent and not after.
    """

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        answer = application(environ, start_response)
        if getattr(answer, "streaming", True):
            return answer
        try:
            return [answer.content]
        finally:
            answer.close()

    return serve


def _end_with_parent() -> None:
    """End this worker when the process that would end it has been killed."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
