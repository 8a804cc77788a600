"""The regions' listeners: DynamoDB's JSON over HTTP on loopback, no TLS; tokens are not checked."""

import asyncio
import json
import uuid
import zlib
from http import HTTPStatus
from typing import Any

from worldseat.local.dynamodb.tables import Tables

_LARGEST = 1 << 24


async def listen(tables: Tables, region: str, port: int = 0) -> int:
    """Serve a region on 127.0.0.1:`port` (0: any); return the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _serve_one(tables, region, reader, writer):
                pass
        except (OSError, EOFError, ValueError):
            pass  # the client has gone, or speaks no HTTP
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=_LARGEST)
    number: int = server.sockets[0].getsockname()[1]
    return number


async def _serve_one(
    tables: Tables, region: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Answer one request; return False where the client has closed the connection."""
    if not await reader.readline():
        return False
    headers: dict[str, str] = {}
    while line := (await reader.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    status, answer = await tables.answer(region, action, _parse(body))
    writer.write(_render(status, json.dumps(answer).encode()))
    await writer.drain()
    return True


def _parse(body: bytes) -> dict[str, Any]:
    asked = json.loads(body or b"{}")
    return asked if isinstance(asked, dict) else {}


def _render(status: int, body: bytes) -> bytes:
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/x-amz-json-1.0",
        f"Content-Length: {len(body)}",
        f"x-amzn-RequestId: {uuid.uuid4()}",
        f"x-amz-crc32: {zlib.crc32(body)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
