"""A wire between Django and the server that breaks when it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

__all__ = ["Relay"]


class Relay:
    """Pass bytes on from a free port of this machine to a server.

    cut: "" passes everything; "before" breaks the connection when COMMIT is sent, which does
        not reach the server; "after" lets COMMIT through and loses its answer. Either happens
        once. While `refuse` is set no new connection gets through.
    """

    def __init__(self, host: str, port: int) -> None:
        self.cut = ""
        self.refuse = False
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Wakes the thread in accept(); closing alone would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuse:
                client.close()
                continue
            server = socket.create_connection(self._server)
            wire = _Wire(self, client, server)
            threading.Thread(target=wire.pass_requests, daemon=True).start()
            threading.Thread(target=wire.pass_answers, daemon=True).start()


class _Wire:
    def __init__(self, relay: Relay, client: socket.socket, server: socket.socket) -> None:
        self._relay = relay
        self._client = client
        self._server = server
        self._answer_is_lost = False

    def pass_requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(65536):
                if b"COMMIT" in data and self._relay.cut:
                    cut, self._relay.cut = self._relay.cut, ""
                    if cut == "before":
                        break
                    self._answer_is_lost = True
                self._server.sendall(data)
        self._hang_up()

    def pass_answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                if self._answer_is_lost:
                    break
                self._client.sendall(data)
        self._hang_up()

    def _hang_up(self) -> None:
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
