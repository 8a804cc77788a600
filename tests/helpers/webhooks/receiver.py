"""A receiver of webhooks, over real HTTP: verifies signatures, and behaves as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

__all__ = ["Receiver", "receiver"]


class Receiver(ThreadingHTTPServer):
    """`manners` are how it takes the next messages; it takes them well when none are left.

    A number: answers with that status. `late`: after `patience` seconds. `silent`: never.
    `cut`: hangs up. `drip`: a byte of a header at a time. `redirect`: to a metadata address.
    """

    daemon_threads = True

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secrets = [secret]
        self.manners: list[int | str] = []
        self.patience = 1.5
        self.ended = threading.Event()
        # Every message whose signature was right, whatever was answered; and those accepted.
        self.seen: list[dict[str, Any]] = []
        self.accepted: list[dict[str, Any]] = []
        self.forged = 0
        self.redirected = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks?from=worldseat"

    def next_manner(self) -> int | str:
        with self._lock:
            return self.manners.pop(0) if self.manners else 200

    def ids(self) -> list[str]:
        return [message["id"] for message in self.accepted]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.redirected += 1
        self._answer(200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = self._verified(body)
        if message is None:
            self._answer(401)
            return
        self.server.seen.append(message)
        manner = self.server.next_manner()
        if manner == "late":
            self.server.ended.wait(self.server.patience)
        elif manner == "silent":
            self.server.ended.wait(30)
        elif manner == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif manner == "drip":
            self._drip()
        elif manner == "redirect":
            self.send_response(307)
            here = f"http://127.0.0.1:{self.server.server_address[1]}/inside"
            self.send_header("Location", here)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            if manner == 200:
                self.server.accepted.append(message)
            self._answer(int(manner))

    def _verified(self, body: bytes) -> dict[str, Any] | None:
        for secret in self.server.secrets:
            try:
                told = Webhook(secret).verify(body, dict(self.headers))
            except WebhookVerificationError:
                continue
            return {**told, "id": self.headers["webhook-id"]}
        self.server.forged += 1
        return None

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.ended.wait(0.2):
            self.wfile.write(b"X-More: x\r\n")

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def receiver(secret: str) -> Iterator[Receiver]:
    """Run a receiver that knows a secret."""
    with Receiver(secret) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.ended.set()
        server.shutdown()
