"""Requests to a web server that runs as a process, by http.client alone."""

from __future__ import annotations

import http.client
import json

from knox.models import get_token_model

from accounts.models import User

LIST = "/api/v1/events/"


def token_of(user: User) -> str:
    """Return a fresh token of a user."""
    _, token = get_token_model().objects.create(user=user)
    return str(token)


def is_up(port: int) -> bool:
    """Return whether a server answers that it is well."""
    try:
        return ask(port, "/healthz", timeout=5)[0] == 200
    except OSError:
        return False


def ask(
    port: int, path: str, *, token: str = "", body: object = None, timeout: float = 60
) -> tuple[int, bytes]:
    """Send a GET, or a POST of a body; return the answer's status and body."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Content-Type": "application/json", "Idempotency-Key": path[:100]}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
        asking.request(method, path, sent, headers)
        answer = asking.getresponse()
        return answer.status, answer.read()
    finally:
        asking.close()
