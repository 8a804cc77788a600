"""Who may connect: the name asked for, the token, the database; then a backend for the session."""

import asyncio
import struct
from datetime import UTC, datetime

from worldseat.local.endpoint import tls, version
from worldseat.local.endpoint.backend import Backend, connect
from worldseat.local.endpoint.region import Region
from worldseat.local.endpoint.rules import setting_refusal
from worldseat.local.endpoint.session import Session
from worldseat.local.endpoint.sql import identifier, literal
from worldseat.local.endpoint.tokens import ADMIN, AccessDenied, check_token
from worldseat.local.endpoint.wire import PROTOCOL_3, Refusal, Stream, frame, ready, text

DATABASE = "postgres"

# What PostgreSQL gets from a client's start-up message beside user, database and options.
_PASSED_ON = ("application_name", "client_encoding", "datestyle", "timezone", "search_path")


class Admission:
    """Lets clients into one region."""

    def __init__(self, region: Region) -> None:
        self._region = region

    async def let_in(self, client: Stream, code: int, payload: bytes) -> Session:
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
            if client.is_left():
                # Else a fault that counts connections would be spent on somebody who is gone.
                raise EOFError
        region.faults.at_connect()
        region.bucket.take(region.limits)
        if region.counters.open >= region.limits.connections:
            message = "unable to accept connection, too many open connections"
            raise Refusal("53300", message)
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
        rows = await self._region.wounds.rows(
            f"SELECT 1 FROM sys.iam_pg_role_mappings JOIN pg_roles ON rolname = pg_role_name "
            f"WHERE rolname = {literal(role)} AND rolcanlogin "
            f"AND arn = {literal(self._region.identity.arn)}"
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
            await backend.ask(f"SET SESSION AUTHORIZATION {identifier(user)}")
        return backend

    async def _greet(self, client: Stream, backend: Backend, user: str) -> None:
        told = {
            **backend.parameters,
            "server_version": version.REPORTED,
            "is_superuser": "off",
            "session_authorization": user,
        }
        out = frame(b"R", struct.pack("!I", 0))
        out += b"".join(frame(b"S", text(k) + text(v)) for k, v in told.items())
        out += frame(b"K", struct.pack("!II", backend.pid, backend.secret)) + ready(b"I")
        await client.send(out)


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
