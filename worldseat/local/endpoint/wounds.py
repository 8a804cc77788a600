"""First committer wins: whoever commits, or writes in autocommit, ends the open transactions that
hold what it needs.

The one in the way may be a session of another region, hence of another process. PostgreSQL says who
blocks whom, and carries the message (NOTIFY).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

from worldseat.local.endpoint.backend import Address, Backend, connect

if TYPE_CHECKING:
    from worldseat.local.endpoint.session import Session

_CHANNEL = "worldseat_wound"
_FIRST_LOOK_SECONDS = 0.003
_NEXT_LOOK_SECONDS = 0.005

IsTheSame = Callable[[], Coroutine[Any, Any, bool]]


class Wound(NamedTuple):
    """Whom to wound: the backend and when its transaction began. `reason` is data or schema."""

    pid: int
    begun: str
    waiter: int
    reason: str


class Wounds:
    """Watches the statements that must get through, and wounds who is in their way."""

    def __init__(self, address: Address, sessions: "dict[int, Session]") -> None:
        self._address = address
        self._sessions = sessions
        self._asker: Backend | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Begin to listen for the wounds that other regions ask for."""
        listener = await self._listening()
        self._spawn(self._listen(listener))

    async def rows(self, sql: str) -> list[list[str | None]]:
        """Run a query on a connection of our own."""
        # To its end, even if who asked is cancelled: the next would read the answer to this one.
        asking = asyncio.create_task(self._rows(sql))
        self._tasks.add(asking)
        asking.add_done_callback(self._tasks.discard)
        return await asyncio.shield(asking)

    async def _rows(self, sql: str) -> list[list[str | None]]:
        async with self._lock:
            try:
                if self._asker is None:
                    self._asker = await connect(self._address, {})
                return await self._asker.rows(sql)
            except (OSError, ConnectionError):
                self._asker = None
                raise

    @contextlib.asynccontextmanager
    async def wounding(
        self, waiter: int, reason: str, *, grace: float = _FIRST_LOOK_SECONDS
    ) -> AsyncIterator[None]:
        """While the block runs, wound whoever the backend `waiter` waits for after `grace` s."""
        watch = asyncio.create_task(self._watch(waiter, reason, grace))
        try:
            yield
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, RuntimeError):
                await watch

    async def _watch(self, waiter: int, reason: str, grace: float) -> None:
        await asyncio.sleep(grace)
        while True:
            blocking = await self.rows(
                f"SELECT pid, extract(epoch FROM xact_start) FROM pg_stat_activity "
                f"WHERE pid = ANY(pg_blocking_pids({waiter})) AND xact_start IS NOT NULL"
            )
            for pid, begun in blocking:
                await self._wound(Wound(int(pid or 0), begun or "", waiter, reason))
            await asyncio.sleep(_NEXT_LOOK_SECONDS)

    async def _wound(self, wound: "Wound") -> None:
        if wound.pid in self._sessions:
            self._spawn(self._wound_here(wound))
        else:
            await self.rows(f"SELECT pg_notify('{_CHANNEL}', '{' '.join(map(str, wound))}')")

    async def _wound_here(self, wound: "Wound") -> None:
        session = self._sessions.get(wound.pid)
        if session is None:
            return
        if session.executor.pushing and wound.waiter < wound.pid:
            # Both are committing, and each holds what the other needs.
            session.executor.must_yield = True
        if session.executor.pushing or session.executor.committing:
            return

        async def is_the_same() -> bool:
            rows = await self.rows(
                f"SELECT 1 FROM pg_stat_activity WHERE pid = {wound.pid} "
                f"AND extract(epoch FROM xact_start) = {wound.begun}"
            )
            return bool(rows)

        await session.executor.wound(is_the_same, wound.reason)

    async def _listening(self) -> Backend:
        listener = await connect(self._address, {})
        await listener.rows(f"LISTEN {_CHANNEL}")
        return listener

    async def _listen(self, listener: Backend) -> None:
        while True:
            try:
                kind, payload = await listener.next()
            except OSError:
                await asyncio.sleep(1)
                with contextlib.suppress(OSError):
                    listener = await self._listening()
                continue
            if kind == b"A":
                pid, begun, waiter, reason = payload[4:].split(b"\0")[1].decode().split()
                if int(pid) in self._sessions:
                    self._spawn(self._wound_here(Wound(int(pid), begun, int(waiter), reason)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
