"""One client's connection: its messages in, the answers out."""

import asyncio
import contextlib
from time import monotonic

from worldseat.local.endpoint import rules
from worldseat.local.endpoint.backend import Backend, cancel
from worldseat.local.endpoint.execution import Executor
from worldseat.local.endpoint.faults import ConnectionCut
from worldseat.local.endpoint.region import Region
from worldseat.local.endpoint.sql import split
from worldseat.local.endpoint.statements import Kind, analyse
from worldseat.local.endpoint.transaction import as_refusal
from worldseat.local.endpoint.units import NO_TYPES, Prepared, Unit, bound_names, prepared_name
from worldseat.local.endpoint.wire import Refusal, Stream, frame, ready

_EMPTY_QUERY = frame(b"I")
_TRANSACTION_CONTROL = (Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.CALL)


class Session:
    """Reads messages until the client leaves. Made by the server once the client is let in."""

    def __init__(self, region: Region, client: Stream, backend: Backend) -> None:
        self.region = region
        self.client = client
        self.backend = backend
        self.executor = Executor(region, backend)
        self._until = monotonic() + region.limits.connection_seconds
        self._out = bytearray()
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Prepared] = {}
        self._messages: list[tuple[bytes, bytes]] = []
        self._skipping = False
        self._idle = False
        self._over = False

    async def run(self) -> None:
        """Serve the client until it leaves or its connection is an hour old."""
        self.region.sessions[self.backend.pid] = self
        try:
            while True:
                message = await self._next()
                if message is None or message[0] == b"X":
                    return
                await self._handle(*message)
        except ConnectionCut:
            self.abort()
        finally:
            self.region.sessions.pop(self.backend.pid, None)

    def abort(self) -> None:
        """Cut the client off, and with it what it has not committed."""
        self.client.abort()
        self.backend.abort()

    async def cancel(self) -> None:
        """Cancel the statement that is running."""
        await cancel(self.region.backend, self.backend.pid, self.backend.secret)

    async def _next(self) -> tuple[bytes, bytes] | None:
        """Read a message; None when the connection is too old."""
        self._idle = True
        try:
            return await self.client.next()
        except ConnectionResetError:
            if self._over:
                return None
            raise
        finally:
            self._idle = False

    async def look_at_clock(self) -> None:
        """While the client is silent, end a transaction or a connection that has got too old."""
        if not self._idle:
            return
        if monotonic() >= self._until:
            self._over = True
            self.client.close()
            return
        transaction = self.executor.transaction
        if transaction is None or transaction.failed:
            return
        if transaction.age() > self.region.limits.transaction_seconds:
            await self.executor.expire()

    async def _handle(self, kind: bytes, payload: bytes) -> None:
        if kind == b"Q":
            await self._round_trip()
            self._skipping = False
            sql = payload[:-1].decode("utf-8", "replace")
            await self._run_group([Unit(analyse(part)) for part in split(sql)])
            self._skipping = False
            await self._end_round_trip()
        elif kind == b"S":
            await self._round_trip()
            await self._run_messages(final=True)
            self._skipping = False
            await self._end_round_trip()
        elif kind == b"H":
            await self._run_messages(final=False)
            await self._flush()
        elif kind in b"PBDEC":
            if not self._skipping:
                self._messages.append((kind, payload))
        elif kind not in b"dcf":  # what is left of a COPY that was refused
            raise Refusal("08P01", f"unexpected message {kind!r}")

    async def _round_trip(self) -> None:
        self.region.counters.round_trips += 1
        await self.region.faults.wait("latency")
        while self.region.faults.down == "hang":
            await asyncio.sleep(0.05)

    async def _end_round_trip(self) -> None:
        self._out += ready(self.executor.status)
        await self._flush()

    async def _flush(self) -> None:
        data = bytes(self._out)
        self._out.clear()
        await self.client.send(data)

    async def _sink(self, data: bytes) -> None:
        self._out += data
        await self._flush()

    async def _run_group(self, units: list[Unit]) -> None:
        """Run the statements of a simple query, which are one transaction in autocommit."""
        if not units:
            self._out += _EMPTY_QUERY
            return
        controls = any(u.statement.kind in _TRANSACTION_CONTROL for u in units)
        await self._run_units(units, grouped=len(units) > 1 and not controls, final=True)

    async def _run_messages(self, *, final: bool) -> None:
        """Run what has come in the extended protocol; `final` at Sync."""
        messages, self._messages = self._messages, []
        try:
            units = self._units(messages)
        except Refusal as refused:
            units = []
            self._refuse(refused)
        executing = sum(unit.executes for unit in units)
        await self._run_units(units, grouped=executing > 1 or not final, final=final)

    async def _run_units(self, units: list[Unit], *, grouped: bool, final: bool) -> None:
        """Run statements until one fails; at the end of a group, commit what was in autocommit."""
        async with self.executor.lock:
            try:
                for unit in units:
                    if self._skipping:
                        break
                    if not unit.executes:
                        self._out += await self._prepare(unit)
                        continue
                    self._out += await self.executor.run(unit, grouped=grouped, sink=self._sink)
            except Refusal as refused:
                self._refuse(refused)
            if final:
                try:
                    await self.executor.finish_group()
                except Refusal as refused:
                    # What was said of a statement that has not been committed is taken back.
                    self._out.clear()
                    self._refuse(refused)

    def _refuse(self, refused: Refusal) -> None:
        self._out += refused.frame()
        self._skipping = True

    async def _prepare(self, unit: Unit) -> bytes:
        """Parse or describe a statement without running it."""
        refused = unit.statement.refused
        if refused is not None and rules.unknown_type(refused) is None:
            raise refused
        transaction = self.executor.transaction
        if transaction is not None and transaction.failed:
            raise Refusal("25P02", "current transaction is aborted")
        await self.backend.send(unit.request())
        reply = await self.backend.reply()
        if reply.error:
            raise as_refusal(reply)
        return unit.fit_request(reply.data)

    def _units(self, messages: list[tuple[bytes, bytes]]) -> list[Unit]:
        """Divide messages into statements: each ends with its Execute.

        A named statement is parsed by itself: it is there afterwards, also when what runs it is
        answered from a copy or refused.
        """
        units: list[Unit] = []
        current: list[tuple[bytes, bytes]] = []
        prepared = Prepared(analyse(""), NO_TYPES)
        for kind, payload in messages:
            prepared = self._noted(kind, payload) or prepared
            current.append((kind, payload))
            if kind == b"E" or (kind == b"P" and prepared_name(payload)):
                units.append(Unit(prepared.statement, current, prepared.types))
                current = []
        if current:
            units.append(Unit(prepared.statement, current, prepared.types))
        return units

    def _noted(self, kind: bytes, payload: bytes) -> Prepared | None:
        """Keep track of prepared statements and portals; return the one a message is about."""
        if kind == b"P":
            name = prepared_name(payload)
            sql, _, types = payload[len(name.encode()) + 1 :].partition(b"\0")
            found = Prepared(analyse(sql.decode("utf-8", "replace")), types)
            self._statements[name] = found
            return found
        if kind == b"B":
            portal, name, _ = bound_names(payload)
            if name in self._statements:
                self._portals[portal] = self._statements[name]
            return self._portals.get(portal)
        if kind == b"E":
            return self._portals.get(payload[: payload.index(b"\0")].decode())
        if kind in b"DC":
            store = self._statements if payload[:1] == b"S" else self._portals
            name = payload[1:-1].decode()
            return store.pop(name, None) if kind == b"C" else store.get(name)
        return None


async def close(session: Session) -> None:
    """Close both connections of a session that has ended."""
    for stream in (session.client, session.backend):
        stream.close()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await session.backend.writer.wait_closed()
