"""The pages and the API of a served demo, at the address and with the logins that it prints."""

from __future__ import annotations

import http.client
import json
import re
import secrets
from typing import Any

__all__ = ["Site"]


class Site:
    """A client of the demo that printed `output`."""

    def __init__(self, output: str) -> None:
        (self._port,) = re.findall(r"API docs +http://127\.0\.0\.1:(\d+)/", output)
        self._passwords = dict(re.findall(r"(\S+@\S+) +(demo-\S+)", output))
        self._tokens: dict[str, str] = {}

    @property
    def port(self) -> int:
        """Return where it serves."""
        return int(self._port)

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page or a file."""
        status, said = self._ask("GET", path)
        return status, said.decode(errors="replace")

    def ask(self, path: str, body: Any = None, *, of: str = "") -> Any:
        """Return what the API answers to a GET, or with a body to a POST."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
        if of:
            headers["Authorization"] = f"Bearer {self._token(of)}"
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
        status, said = self._ask(method, f"/api/v1{path}", sent, headers)
        assert status in (200, 201), said
        return json.loads(said)

    def _ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _token(self, email: str) -> str:
        if email not in self._tokens:
            asked = {"email": email, "password": self._passwords[email]}
            self._tokens[email] = self.ask("/auth/token", asked)["token"]
        return self._tokens[email]
