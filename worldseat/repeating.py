"""Give an answer again, before Django sees the request, for as long as its view has said.

Thousands watch a sale by asking the same within the same half second, and routing, middleware and
rendering would cost more than all the buying. A view marks an answer with `repeat`; who asks for
the same path, query and ETag without credentials gets it from this process's memory. When it is
due, one of them asks Django anew and the others go on with it, until it would be wrong.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Repeating", "repeat"]

_MOST_KEPT = 512
# Whose these are, the next one is not.
_NOT_REPEATED = ("server-timing", "content-length")
_PERSONAL = ("set-cookie", "ratelimit", "ratelimit-policy", "retry-after")

Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


@dataclass(frozen=True)
class _Repeat:
    due: float
    until: float
    body: Callable[[], bytes]


@dataclass(frozen=True)
class _Kept:
    status: str
    headers: list[tuple[str, str]]
    repeat: _Repeat
    renewal: threading.Lock

    def serves(self) -> bool:
        """Say whether to give it again; who is told no first when it is due is to renew it."""
        now = time.monotonic()
        if now < self.repeat.due:
            return True
        return not self.renewal.acquire(blocking=False) and now < self.repeat.until


def repeat(response: Any, *, seconds: float, at_most: float, body: Callable[[], bytes]) -> None:
    """Let an answer be given again for some seconds, and `at_most` while a new one is made.

    `body` makes its body each time.
    """
    now = time.monotonic()
    response.repeat = _Repeat(now + seconds, now + at_most, body)


class Repeating:
    """A WSGI application around Django's."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._kept: dict[tuple[str, ...], _Kept] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Answer from memory, or ask Django and keep what may be repeated."""
        key = _key(environ)
        if key is None:
            return self._application(environ, start_response)
        kept = self._kept.get(key)
        if kept is not None and kept.serves():
            body = kept.repeat.body()
            start_response(kept.status, [*kept.headers, ("Content-Length", str(len(body)))])
            return [body]
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            started.append((status, headers))
            return start_response(status, headers, *more)

        response = self._application(environ, start)
        marked = getattr(response, "repeat", None)
        if isinstance(marked, _Repeat) and started:
            self._keep(key, *started[0], marked)
        return response

    def _keep(
        self, key: tuple[str, ...], status: str, headers: list[tuple[str, str]], marked: _Repeat
    ) -> None:
        names = {name.lower() for name, _ in headers}
        if "set-cookie" in names:
            return
        dropped = (*_NOT_REPEATED, *_PERSONAL)
        again = [(name, value) for name, value in headers if name.lower() not in dropped]
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = _Kept(status, again, marked, threading.Lock())


def _key(environ: dict[str, Any]) -> tuple[str, ...] | None:
    """Return what an answer depends on, None for a request that may depend on more."""
    get = environ.get
    if (
        get("REQUEST_METHOD") != "GET"
        or get("HTTP_AUTHORIZATION")
        or get("HTTP_COOKIE")
        or get("HTTP_RANGE")
    ):
        return None
    return (
        get("PATH_INFO", ""),
        get("QUERY_STRING", ""),
        get("HTTP_IF_NONE_MATCH", ""),
        get("HTTP_HOST", ""),
        get("wsgi.url_scheme", ""),
        get("HTTP_X_FORWARDED_PROTO", ""),
        get("HTTP_ACCEPT", ""),
        get("HTTP_ORIGIN", ""),
    )
