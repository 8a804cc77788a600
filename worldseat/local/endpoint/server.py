"""A region's listener: TLS, the token, and a session for each client that is let in."""

import asyncio
import contextlib
import logging
import socket
import ssl
import struct

from worldseat.local.endpoint import tls
from worldseat.local.endpoint.admission import Admission
from worldseat.local.endpoint.region import Region
from worldseat.local.endpoint.session import close
from worldseat.local.endpoint.wire import (
    CANCEL_REQUEST,
    GSSENC_REQUEST,
    SSL_REQUEST,
    Refusal,
    Stream,
)

log = logging.getLogger(__name__)

_HANDSHAKE_SECONDS = 10.0
_CLOCK_SECONDS = 0.1
_TLS_HANDSHAKE = 0x16


class Server:
    """Listens on loopback for one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._context = tls.server_context(region.certificate)
        self._clients: set[asyncio.Task[None]] = set()
        self._streams: set[Stream] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def listen(self, port: int) -> int:
        """Bind 127.0.0.1:`port` (0: any) and accept clients; return the port. Raises OSError."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(1024)
        self._socket.setblocking(False)
        self._tasks = [asyncio.create_task(self._accept()), asyncio.create_task(self._watch())]
        number: int = self._socket.getsockname()[1]
        return number

    def cut_all(self) -> None:
        """Cut every connection: the region is gone."""
        for stream in list(self._streams):
            stream.abort()
        for session in list(self._region.sessions.values()):
            session.abort()

    async def close(self) -> None:
        """Stop listening and cut every client."""
        for task in self._tasks:
            task.cancel()
        self._socket.close()
        self.cut_all()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._socket)
            if self._region.faults.down == "cut":
                connection.close()
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(self._serve(connection))
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)

    async def _watch(self) -> None:
        """Have every session look at the clock: an alarm for each message would cost much more."""
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            for session in list(self._region.sessions.values()):
                with contextlib.suppress(OSError):
                    await session.look_at_clock()

    async def _serve(self, connection: socket.socket) -> None:
        client: Stream | None = None
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                client = await self._secure(connection)
            if client is not None:
                self._streams.add(client)
                await self._talk(client)
        except (OSError, ssl.SSLError, TimeoutError, EOFError):
            pass  # the client is gone, or was none
        except Exception:
            log.exception("a session of %s has failed", self._region.name)
        finally:
            if client is None:
                connection.close()
            else:
                self._streams.discard(client)
                client.close()

    async def _secure(self, connection: socket.socket) -> Stream | None:
        """Answer the request for TLS, or take a client that starts with it; return its stream."""
        loop = asyncio.get_running_loop()
        first = await _peek(connection)
        if first != _TLS_HANDSHAKE and not await self._negotiate(connection):
            return None
        reader = asyncio.StreamReader(limit=1 << 17)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=self._context
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        stream = Stream(reader, writer)
        secured = writer.get_extra_info("ssl_object")
        if first == _TLS_HANDSHAKE and secured.selected_alpn_protocol() != tls.ALPN:
            stream.abort()  # PostgreSQL does the same
            raise ConnectionResetError("direct TLS without the protocol's name")
        return stream

    async def _negotiate(self, connection: socket.socket) -> bool:
        """Answer what comes before TLS; say whether the client goes on with TLS."""
        loop = asyncio.get_running_loop()
        while True:
            (length,) = struct.unpack("!I", await _exactly(connection, 4))
            if not 8 <= length <= 10_000:
                return False
            body = await _exactly(connection, length - 4)
            code = int.from_bytes(body[:4], "big")
            if code == SSL_REQUEST:
                await loop.sock_sendall(connection, b"S")
                return True
            if code == GSSENC_REQUEST:
                await loop.sock_sendall(connection, b"N")
                continue
            if code == CANCEL_REQUEST:
                await self._cancel(body[4:])
                return False
            refused = Refusal("28000", "unable to accept connection, SSL negotiation is mandatory")
            self._region.counters.refused += 1
            await loop.sock_sendall(connection, refused.frame("FATAL"))
            return False

    async def _talk(self, client: Stream) -> None:
        code, payload = await client.startup()
        if code == CANCEL_REQUEST:
            await self._cancel(payload)
            return
        try:
            session = await Admission(self._region).let_in(client, code, payload)
        except Refusal as refused:
            self._region.counters.refused += 1
            await client.send(refused.frame("FATAL"))
            return
        counters = self._region.counters
        counters.connections += 1
        counters.open += 1
        try:
            await session.run()
        except Refusal as refused:
            await client.send(refused.frame("FATAL"))
        except OSError:
            # The client has gone, or PostgreSQL has: then the outcome of a COMMIT is unknown.
            with contextlib.suppress(OSError):
                await client.send(Refusal("XX000", "server unavailable").frame("FATAL"))
        finally:
            counters.open -= 1
            await close(session)

    async def _cancel(self, payload: bytes) -> None:
        pid, secret = struct.unpack("!II", payload[:8])
        session = self._region.sessions.get(pid)
        if session is not None and session.backend.secret == secret:
            await session.cancel()


async def _peek(connection: socket.socket) -> int:
    """Return the first byte that arrives, and leave it there."""
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not arrived.done():
            arrived.set_result(None)

    loop.add_reader(connection, readable)
    try:
        await arrived
    finally:
        loop.remove_reader(connection)
    first = connection.recv(1, socket.MSG_PEEK)
    if not first:
        raise ConnectionResetError("the client has left")
    return first[0]


async def _exactly(connection: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        more = await loop.sock_recv(connection, size - len(data))
        if not more:
            raise ConnectionResetError("the client has left")
        data += more
    return data
