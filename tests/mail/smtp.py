"""A mail server for the tests, as much of RFC 5321 as Django speaks; answers as it is told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

__all__ = ["MailServer", "mail_server"]


class MailServer(socketserver.ThreadingTCPServer):
    """`answers` are what the next messages are told, `250 ok` when there are none left."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.answers: list[str] = []
        self.tries = 0
        self.received: list[EmailMessage] = []

    @property
    def url(self) -> str:
        """Where it listens, as EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.strip() else b""
            if word == b"DATA":
                self._say("354 go on")
                self._take(self._message())
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self, message: Any) -> None:
        self.server.tries += 1
        answer = self.server.answers.pop(0) if self.server.answers else "250 ok"
        if answer.startswith("2"):
            self.server.received.append(message)
        self._say(answer)

    def _message(self) -> Any:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return message_from_bytes(b"".join(lines), policy=policy.default)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a mail server."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
