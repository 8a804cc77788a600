"""PostgreSQL's wire protocol 3: frames, replies and errors.

Source: https://www.postgresql.org/docs/18/protocol-message-formats.html
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3 = 3 << 16

SYNC = b"S\0\0\0\x04"

_CHUNK = 1 << 16
_STREAM_AT = 1 << 18
_READY = ord("Z")
_ERROR = ord("E")
_COMPLETE = ord("C")
Sink = Callable[[bytes], Awaitable[None]]

_header = struct.Struct("!cI")


class Refusal(Exception):
    """A statement or a connection is refused with a PostgreSQL error."""

    def __init__(
        self, sqlstate: str, message: str, *, detail: str | None = None, hint: str | None = None
    ) -> None:
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        super().__init__(f"{sqlstate} {message}")

    def frame(self, severity: str = "ERROR") -> bytes:
        """Return the ErrorResponse that says so; `severity` FATAL ends the connection."""
        fields = [("S", severity), ("V", severity), ("C", self.sqlstate), ("M", self.message)]
        if self.detail:
            fields.append(("D", self.detail))
        if self.hint:
            fields.append(("H", self.hint))
        body = b"".join(name.encode() + value.encode() + b"\0" for name, value in fields)
        return frame(b"E", body + b"\0")


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Return one message."""
    return _header.pack(kind, len(payload) + 4) + payload


def text(value: str) -> bytes:
    """Return a string as the protocol writes it."""
    return value.encode() + b"\0"


def query(sql: str) -> bytes:
    """Return a simple query."""
    return frame(b"Q", text(sql))


def ready(status: bytes) -> bytes:
    """Return ReadyForQuery; `status` is I (idle), T (in a transaction) or E (in a failed one)."""
    return frame(b"Z", status)


def complete(tag: str) -> bytes:
    """Return CommandComplete."""
    return frame(b"C", text(tag))


def frames(data: bytes | bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Split whole messages into (kind, payload)."""
    at = 0
    while at < len(data):
        end = at + 1 + int.from_bytes(data[at + 1 : at + 5], "big")
        yield bytes(data[at : at + 1]), bytes(data[at + 5 : end])
        at = end


def without(data: bytes | bytearray, kinds: bytes, *, first_only: bool = False) -> bytes:
    """Return the messages of `data` that are of none of `kinds` (the first one only is dropped)."""
    kept = []
    dropped = False
    for kind, payload in frames(data):
        if kind in kinds and not (first_only and dropped):
            dropped = True
        else:
            kept.append(frame(kind, payload))
    return b"".join(kept)


def values(row: bytes) -> list[str | None]:
    """Return the columns of a DataRow in text format."""
    (count,) = struct.unpack_from("!H", row)
    at = 2
    found: list[str | None] = []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", row, at)
        at += 4
        found.append(None if size < 0 else row[at : at + size].decode())
        at += max(size, 0)
    return found


@dataclass
class Reply:
    """What a backend answered to one request: everything but its ReadyForQuery."""

    data: bytearray = field(default_factory=bytearray)
    error: dict[str, str] | None = None
    tag: str = ""
    status: bytes = b"I"

    @property
    def sqlstate(self) -> str:
        """Return the error's code, "" without one."""
        return self.error["C"] if self.error else ""

    @property
    def count(self) -> int:
        """Return the number of rows in the command tag, 0 if it has none."""
        last = self.tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    @property
    def answer(self) -> bytes:
        """Return the rows and the tag alone, to compare what two executions said."""
        return b"".join(frame(k, p) for k, p in frames(self.data) if k in b"DC")

    def rows(self) -> list[list[str | None]]:
        """Return the rows in text format."""
        return [values(payload) for kind, payload in frames(self.data) if kind == b"D"]


def error_fields(payload: bytes) -> dict[str, str]:
    """Return an ErrorResponse's fields by their letters."""
    parts = payload.rstrip(b"\0").split(b"\0")
    return {p[:1].decode(): p[1:].decode("utf-8", "replace") for p in parts if p}


class Stream:
    """Messages read from and written to one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._buffer = bytearray()

    async def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise ConnectionResetError("the other side has closed the connection")
            self._buffer += data

    async def _take(self, size: int) -> bytes:
        await self._fill(size)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def startup(self) -> tuple[int, bytes]:
        """Read a message of the start-up phase, which has no kind: its code and payload."""
        (length,) = struct.unpack("!I", await self._take(4))
        if not 8 <= length <= 10_000:
            raise ConnectionResetError("this is no PostgreSQL client")
        body = await self._take(length - 4)
        return int.from_bytes(body[:4], "big"), body[4:]

    async def next(self) -> tuple[bytes, bytes]:
        """Read one message: its kind and payload."""
        await self._fill(5)
        length = int.from_bytes(self._buffer[1:5], "big")
        whole = await self._take(1 + length)
        return whole[:1], whole[5:]

    def is_left(self) -> bool:
        """Tell whether the other side has closed the connection, and nothing is left to read."""
        return self._reader.at_eof()

    def pending(self) -> bool:
        """Say whether bytes of a further message have arrived already."""
        return bool(self._buffer)

    async def reply(self, sink: Sink | None = None) -> Reply:
        """Read up to ReadyForQuery. With `sink`, a long result is passed on as it comes."""
        found = Reply()
        while True:
            await self._fill(5)
            if self._scan(found):
                return found
            if sink is not None and len(found.data) > _STREAM_AT:
                await sink(bytes(found.data))
                found.data.clear()
            await self._fill(len(self._buffer) + 1)

    def _scan(self, found: Reply) -> bool:
        """Move the whole messages of the buffer to `found`; say whether the reply is complete."""
        buffer, at, done = self._buffer, 0, False
        while len(buffer) - at >= 5:
            end = at + 1 + int.from_bytes(buffer[at + 1 : at + 5], "big")
            if len(buffer) < end:
                break
            kind = buffer[at]
            if kind == _READY:
                found.data += buffer[:at]
                found.status = bytes(buffer[end - 1 : end])
                del buffer[:end]
                return True
            if kind == _ERROR:
                found.error = error_fields(bytes(buffer[at + 5 : end]))
            elif kind == _COMPLETE:
                found.tag = buffer[at + 5 : end - 1].decode()
            at = end
        found.data += buffer[:at]
        del buffer[:at]
        return done

    async def send(self, *messages: bytes) -> None:
        """Write messages; waits only when the other side reads slowly."""
        self.writer.write(b"".join(messages))
        await self.writer.drain()

    def close(self) -> None:
        """Close the connection without a word."""
        self.writer.close()

    def abort(self) -> None:
        """Cut the connection: the other side sees it break."""
        self.writer.transport.abort()
