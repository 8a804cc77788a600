"""A server that answers anything at once: what the load itself can do. `... nothing PORT`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n" + b"x" * 900


class Nothing(asyncio.Protocol):
    """Takes whatever comes in one piece for a request."""

    def connection_made(self, transport: Any) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Nothing, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
