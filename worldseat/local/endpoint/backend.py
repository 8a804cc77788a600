"""A connection to the PostgreSQL behind the endpoints."""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from worldseat.local.endpoint.scram import Exchange
from worldseat.local.endpoint.wire import (
    CANCEL_REQUEST,
    PROTOCOL_3,
    Refusal,
    Reply,
    Sink,
    Stream,
    error_fields,
    frame,
    query,
    text,
)

_AUTH_OK, _AUTH_SASL, _AUTH_SASL_CONTINUE, _AUTH_SASL_FINAL = 0, 10, 11, 12


@dataclass(frozen=True)
class Address:
    """Where the PostgreSQL is, and how to log in."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @classmethod
    def from_url(cls, url: str) -> "Address":
        """Read `postgres://user:password@host:port/database`; raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("postgres", "postgresql") or not parts.hostname:
            raise ValueError("the backend's URL must be postgres://user:password@host:port/name")
        return cls(
            host=parts.hostname,
            port=parts.port or 5432,
            user=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.lstrip("/")) or "postgres",
        )


class Backend(Stream):
    """A logged-in connection. One request at a time: `ask`, or `send` and as many `reply`s."""

    pid: int = 0
    secret: int = 0

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self.parameters: dict[str, str] = {}
        self._ahead: list[bytes] = []
        self._owed = 0

    def ahead(self, sql: str) -> None:
        """Have a command that cannot fail go ahead of the next request: nobody waits for it."""
        self._ahead.append(query(sql))

    async def send(self, *messages: bytes) -> None:
        """Write a request; waits only when the other side reads slowly."""
        if self._ahead:
            messages = (*self._ahead, *messages)
            self._owed += len(self._ahead)
            self._ahead.clear()
        await super().send(*messages)

    async def reply(self, sink: Sink | None = None) -> Reply:
        """Read up to ReadyForQuery. With `sink`, a long result is passed on as it comes."""
        while self._owed:
            self._owed -= 1
            if error := (await super().reply()).error:
                raise ConnectionResetError(f"PostgreSQL has refused a command of ours: {error}")
        return await super().reply(sink)

    async def ask(self, sql: str) -> Reply:
        """Run a simple query and return the reply, an error included."""
        await self.send(query(sql))
        return await self.reply()

    async def rows(self, sql: str) -> list[list[str | None]]:
        """Run a simple query of our own and return its rows; raises RuntimeError on an error."""
        found = await self.ask(sql)
        if found.error:
            raise RuntimeError(f"{found.error['M']}: {sql}")
        return found.rows()

    async def log_in(self, address: Address, parameters: Mapping[str, str]) -> None:
        """Complete the start-up; raises Refusal with what PostgreSQL said."""
        settings = {"user": address.user, "database": address.database, **parameters}
        body = b"".join(text(k) + text(v) for k, v in settings.items()) + b"\0"
        await self.send(struct.pack("!II", len(body) + 8, PROTOCOL_3) + body)
        exchange = Exchange(address.password)
        while True:
            kind, payload = await self.next()
            if kind == b"E":
                fields = error_fields(payload)
                raise Refusal(fields["C"], fields["M"])
            if kind == b"R":
                await self._authenticate(exchange, payload)
            elif kind == b"S":
                name, value = payload[:-1].split(b"\0")
                self.parameters[name.decode()] = value.decode()
            elif kind == b"K":
                self.pid, self.secret = struct.unpack("!II", payload)
            elif kind == b"Z":
                return

    async def _authenticate(self, exchange: Exchange, payload: bytes) -> None:
        (wanted,) = struct.unpack_from("!I", payload)
        if wanted == _AUTH_SASL:
            first = exchange.first()
            body = text("SCRAM-SHA-256") + struct.pack("!I", len(first)) + first
            await self.send(frame(b"p", body))
        elif wanted == _AUTH_SASL_CONTINUE:
            await self.send(frame(b"p", exchange.final(payload[4:])))
        elif wanted not in (_AUTH_OK, _AUTH_SASL_FINAL):
            raise Refusal("28000", f"the backend wants authentication method {wanted}")


async def connect(address: Address, parameters: Mapping[str, str]) -> Backend:
    """Open a connection to PostgreSQL; raises Refusal, OSError."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    backend = Backend(reader, writer)
    try:
        await backend.log_in(address, parameters)
    except BaseException:
        backend.close()
        raise
    return backend


async def cancel(address: Address, pid: int, secret: int) -> None:
    """Ask PostgreSQL to cancel what a connection is doing."""
    _, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(struct.pack("!IIII", 16, CANCEL_REQUEST, pid, secret))
    await writer.drain()
    writer.close()
