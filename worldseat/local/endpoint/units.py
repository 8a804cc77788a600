"""One statement of a client with the messages that run it, in either query protocol."""

import struct
from dataclasses import dataclass, field

from worldseat.local.endpoint.statements import Statement
from worldseat.local.endpoint.wire import SYNC, complete, frame, query, text, without

NO_TYPES = struct.pack("!H", 0)


@dataclass
class Prepared:
    """A statement that a client parsed. `types` is the end of its Parse message."""

    statement: Statement
    types: bytes


def prepared_name(payload: bytes) -> str:
    """Return the name of the prepared statement in a Parse message."""
    return payload[: payload.index(b"\0")].decode()


def bound_names(payload: bytes) -> tuple[str, str, bytes]:
    """Return a Bind message's portal, its prepared statement and the rest."""
    portal, statement, rest = payload.split(b"\0", 2)
    return portal.decode(), statement.decode(), rest


@dataclass
class Unit:
    """A statement to execute.

    `messages` are (kind, payload) of the extended protocol up to Execute, none for a simple query.
    `size` is how many bytes the client sent for it.
    """

    statement: Statement
    messages: list[tuple[bytes, bytes]] = field(default_factory=list)
    types: bytes = NO_TYPES
    resolved: bytes | None = None

    @property
    def simple(self) -> bool:
        """Say whether it came as a simple query."""
        return not self.messages

    @property
    def size(self) -> int:
        """Return the number of bytes that the client sent."""
        return sum(len(p) for _, p in self.messages) or len(self.statement.sql)

    @property
    def executes(self) -> bool:
        """Say whether it runs its statement, and does not only prepare or describe it."""
        return self.simple or any(kind == b"E" for kind, _ in self.messages)

    def _has(self, kind: bytes) -> bool:
        return any(k == kind for k, _ in self.messages)

    @property
    def lacks_parse(self) -> bool:
        """Say whether it binds the unnamed statement of an earlier message.

        A query of ours in between destroys that one in the backend, so it is parsed again.
        """
        if self.simple or self._has(b"P"):
            return False
        return any(k == b"B" and not bound_names(p)[1] for k, p in self.messages)

    def request(self) -> bytes:
        """Return the messages for the backend, with the statement's text for it."""
        if self.simple:
            return query(self.statement.forward)
        parse = self._parse(self.statement.forward, self.types) if self.lacks_parse else b""
        return parse + b"".join(frame(k, self._own(k, p)) for k, p in self.messages) + SYNC

    def with_text(self, sql: str) -> bytes:
        """Return the messages that run another text with the same parameters."""
        if self.simple:
            return query(sql)
        types = self.types if self.resolved is None else self.resolved
        return self._parse(sql, types) + b"".join(map(self._derived, self.messages)) + SYNC

    def describe(self) -> bytes:
        """Return the messages that ask for the types of the parameters."""
        return self._parse(self.statement.forward, self.types) + frame(b"D", b"S\0") + SYNC

    @property
    def tells_no_columns(self) -> bool:
        """Say whether its answer does not describe the statement's parameters."""
        return not any(k == b"D" and p[:1] == b"S" for k, p in self.messages)

    def completed(self, tag: str) -> bytes:
        """Return an answer without rows, as it would come back from `with_text`."""
        if self.simple:
            return complete(tag)
        said = {b"B": frame(b"2"), b"D": frame(b"n"), b"C": frame(b"3"), b"E": complete(tag)}
        return frame(b"1") + b"".join(said.get(kind, b"") for kind, _ in self.messages)

    def fit(self, data: bytes | bytearray) -> bytes:
        """Return what came back from `with_text` as an answer to the client's own messages."""
        return (
            bytes(data) if self.simple or self._has(b"P") else without(data, b"1", first_only=True)
        )

    def fit_request(self, data: bytes | bytearray) -> bytes:
        """Return what came back from `request` as an answer to the client's own messages."""
        return without(data, b"1", first_only=True) if self.lacks_parse else bytes(data)

    def _parse(self, sql: str, types: bytes) -> bytes:
        return frame(b"P", b"\0" + text(sql) + types)

    def _own(self, kind: bytes, payload: bytes) -> bytes:
        if kind != b"P" or self.statement.forward == self.statement.sql:
            return payload
        return text(prepared_name(payload)) + text(self.statement.forward) + self.types

    def _derived(self, message: tuple[bytes, bytes]) -> bytes:
        kind, payload = message
        if kind in b"PC":
            return b""
        if kind == b"B":
            portal, _, rest = bound_names(payload)
            return frame(b"B", text(portal) + b"\0" + rest)
        if kind == b"D" and payload[:1] == b"S":
            return frame(b"D", b"S\0")
        return frame(kind, payload)
