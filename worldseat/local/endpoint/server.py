"""A region's listener: TLS, the token, and a session for each client that is let in."""

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from datetime import UTC, datetime

from worldseat.local.endpoint import tls
from worldseat.local.endpoint.backend import Backend, connect
from worldseat.local.endpoint.region import Region
from worldseat.local.endpoint.rules import setting_refusal
from worldseat.local.endpoint.session import Session, close
from worldseat.local.endpoint.statements import REPORTED_VERSION
from worldseat.local.endpoint.tokens import ADMIN, AccessDenied, check_token
from worldseat.local.endpoint.wire import (
    CANCEL_REQUEST,
    GSSENC_REQUEST,
    PROTOCOL_3,
    SSL_REQUEST,
    Refusal,
    Stream,
    frame,
    ready,
    text,
)

log = logging.getLogger(__name__)

DATABASE = "postgres"

_HANDSHAKE_SECONDS = 10.0
_TLS_HANDSHAKE = 0x16
# What PostgreSQL gets from a client's start-up message beside user, database and options.
_PASSED_ON = ("application_name", "client_encoding", "datestyle", "timezone", "search_path")


class Server:
    """Listens on loopback for one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._context = tls.server_context(region.certificate)
        self._clients: set[asyncio.Task[None]] = set()
        self._streams: set[Stream] = set()
        self._acceptor: asyncio.Task[None] | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def listen(self, port: int) -> int:
        """Bind 127.0.0.1:`port` (0: any) and accept clients; return the port. Raises OSError."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(1024)
        self._socket.setblocking(False)
        self._acceptor = asyncio.create_task(self._accept())
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
        if self._acceptor is not None:
            self._acceptor.cancel()
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
            session = await self._let_in(client, code, payload)
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

    async def _let_in(self, client: Stream, code: int, payload: bytes) -> Session:
        """Check who comes; raises Refusal."""
        region = self._region
        name = tls.asked_name(client.writer.get_extra_info("ssl_object"))
        if name is None:
            raise Refusal("28000", "unable to accept connection, sni was not received")
        if name.lower() != region.host:
            message = f"unable to accept connection, {name} is not the name of this cluster"
            raise Refusal("28000", message)
        if code >> 16 != PROTOCOL_3 >> 16:
            raise Refusal("0A000", "unsupported frontend protocol")
        parameters = _parameters(payload)
        if code != PROTOCOL_3:
            await client.send(frame(b"v", struct.pack("!II", PROTOCOL_3, 0)))
        while region.faults.down == "hang":
            await asyncio.sleep(0.05)
        region.faults.at_connect()
        user = parameters.get("user", "")
        await self._check_token(client, user)
        database = parameters.get("database") or user
        if database != DATABASE:
            raise Refusal("3D000", f'database "{database}" does not exist')
        backend = await self._backend(user, parameters)
        await self._greet(client, backend, user)
        return Session(region, client, backend)

    async def _check_token(self, client: Stream, user: str) -> None:
        await client.send(frame(b"R", struct.pack("!I", 3)))  # a password, in TLS
        kind, payload = await client.next()
        if kind != b"p":
            raise AccessDenied
        region = self._region
        check_token(
            payload.rstrip(b"\0").decode("utf-8", "replace"),
            host=region.host,
            region=region.name,
            user=user,
            access_key=region.identity.access_key,
            secret_key=region.identity.secret_key,
            now=datetime.now(UTC),
        )
        if user != ADMIN and not await self._is_granted(user):
            raise AccessDenied

    async def _is_granted(self, role: str) -> bool:
        """Say whether our credentials may connect as `role`: AWS IAM GRANT has said so."""
        literal = role.replace("'", "''")
        rows = await self._region.wounds.rows(
            f"SELECT 1 FROM sys.iam_pg_role_mappings JOIN pg_roles ON rolname = pg_role_name "
            f"WHERE rolname = '{literal}' AND rolcanlogin AND arn = '{self._region.identity.arn}'"
        )
        return bool(rows)

    async def _backend(self, user: str, parameters: dict[str, str]) -> Backend:
        region = self._region
        options = {k: v for k, v in parameters.items() if k.lower() in _PASSED_ON}
        settings = {
            "lock_timeout": str(region.limits.lock_milliseconds),
            "default_transaction_isolation": "repeatable read",
            "deadlock_timeout": "50ms",
            "TimeZone": "UTC",
            **options,
            "options": _options(parameters.get("options", "")),
        }
        try:
            backend = await connect(region.backend, settings)
        except Refusal as refused:
            if refused.sqlstate != "53300":
                raise
            message = "unable to accept connection, too many open connections"
            raise Refusal("53300", message) from refused
        if user != ADMIN:
            quoted = user.replace('"', '""')
            await backend.ask(f'SET SESSION AUTHORIZATION "{quoted}"')
        return backend

    async def _greet(self, client: Stream, backend: Backend, user: str) -> None:
        told = {
            **backend.parameters,
            "server_version": REPORTED_VERSION,
            "is_superuser": "off",
            "session_authorization": user,
        }
        out = frame(b"R", struct.pack("!I", 0))
        out += b"".join(frame(b"S", text(k) + text(v)) for k, v in told.items())
        out += frame(b"K", struct.pack("!II", backend.pid, backend.secret)) + ready(b"I")
        await client.send(out)

    async def _cancel(self, payload: bytes) -> None:
        pid, secret = struct.unpack("!II", payload[:8])
        session = self._region.sessions.get(pid)
        if session is not None and session.backend.secret == secret:
            await session.cancel()


def _parameters(payload: bytes) -> dict[str, str]:
    words = [part.decode("utf-8", "replace") for part in payload.split(b"\0")]
    pairs = zip(words[::2], words[1::2], strict=False)
    return {name: value for name, value in pairs if name and not name.startswith("_pq_.")}


def _options(asked: str) -> str:
    """Return the `-c name=value` options of a client; raises Refusal for one DSQL does not set."""
    words = asked.replace("\\ ", "\0").split()
    for word in words:
        name = word.removeprefix("-c").removeprefix("--").partition("=")[0]
        if name and (refused := setting_refusal(name.replace("-", "_"))):
            raise refused
    return asked


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
