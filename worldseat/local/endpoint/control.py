"""The control API of an endpoint: HTTP and JSON on loopback, and a client for it.

Each request carries `Authorization: Bearer <secret>`; the secret is in the state file.
    GET    /          what the endpoint is, its faults and its counters
    PATCH  /faults    change faults: {"conflicts": 3}
    DELETE /faults    end all faults
    PATCH  /limits    change limits: {"tables": 5}
    DELETE /limits    back to those that it was started with
"""

import asyncio
import hmac
import json
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from worldseat.local.endpoint.limits import Bucket
from worldseat.local.endpoint.region import Region
from worldseat.local.endpoint.server import Server

_LARGEST = 1 << 16
_SECONDS = 10.0


class ControlFailed(Exception):
    """The control API has refused a request, or does not answer."""


class ControlServer:
    """Serves the control API of one region."""

    def __init__(self, region: Region, server: Server) -> None:
        self._region = region
        self._server = server
        self._limits = region.limits
        self._http: asyncio.Server | None = None

    async def listen(self, port: int) -> int:
        """Listen on 127.0.0.1:`port` (0: any); return the port. Raises OSError."""
        self._http = await asyncio.start_server(self._serve, "127.0.0.1", port)
        number: int = self._http.sockets[0].getsockname()[1]
        return number

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                status, body = await self._answer(reader)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            status, body = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode())
        writer.write(data)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[HTTPStatus, dict[str, Any]]:
        method, path, _ = (await reader.readline()).decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while line := (await reader.readline()).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", "0"))
        if not 0 <= size <= _LARGEST:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "the request is too large"}
        body = await reader.readexactly(size)
        wanted = f"Bearer {self._region.identity.control_secret}"
        if not hmac.compare_digest(headers.get("authorization", "").encode(), wanted.encode()):
            return HTTPStatus.UNAUTHORIZED, {"error": "the secret is missing or wrong"}
        return self._route(method, path, body)

    def _route(self, method: str, path: str, body: bytes) -> tuple[HTTPStatus, dict[str, Any]]:
        if (method, path) == ("GET", "/"):
            return HTTPStatus.OK, self._describe()
        if (method, path) == ("DELETE", "/faults"):
            self._region.faults.clear()
            return HTTPStatus.OK, self._describe()
        if (method, path) == ("DELETE", "/limits"):
            self._region.limits = self._limits
            self._region.bucket = Bucket()
            return HTTPStatus.OK, self._describe()
        if (method, path) == ("PATCH", "/faults"):
            self._region.faults.set(_changes(body))
            if self._region.faults.down == "cut":
                self._server.cut_all()
            return HTTPStatus.OK, self._describe()
        if (method, path) == ("PATCH", "/limits"):
            self._region.limits = self._region.limits.changed(_changes(body))
            return HTTPStatus.OK, self._describe()
        return HTTPStatus.NOT_FOUND, {"error": f"no {method} {path} here"}

    def _describe(self) -> dict[str, Any]:
        return {
            "region": self._region.name,
            "host": self._region.host,
            "limits": asdict(self._region.limits),
            "faults": self._region.faults.describe(),
            "counters": self._region.counters.describe(),
        }


def _changes(body: bytes) -> dict[str, Any]:
    changes = json.loads(body)
    if not isinstance(changes, dict):
        raise ValueError("the body has to be a JSON object")  # noqa: TRY004 - what is answered
    return changes


@dataclass(frozen=True)
class Control:
    """A client of one endpoint's control API: `Control(url, secret).set(conflicts=1)`."""

    url: str
    secret: str

    def set(self, **faults: object) -> dict[str, Any]:
        """Change faults (see worldseat.local.endpoint.faults); raises ControlFailed."""
        return self._ask("PATCH", "/faults", faults)

    def clear(self) -> dict[str, Any]:
        """End all faults."""
        return self._ask("DELETE", "/faults")

    def limit(self, **limits: float) -> dict[str, Any]:
        """Change limits (see worldseat.local.endpoint.limits); raises ControlFailed."""
        return self._ask("PATCH", "/limits", limits)

    def unlimit(self) -> dict[str, Any]:
        """Go back to the limits that the endpoint was started with."""
        return self._ask("DELETE", "/limits")

    def faults(self) -> dict[str, Any]:
        """Return the faults that are still to happen."""
        found: dict[str, Any] = self._ask("GET", "/")["faults"]
        return found

    def counters(self) -> dict[str, int]:
        """Return what has happened since the endpoint started."""
        found: dict[str, int] = self._ask("GET", "/")["counters"]
        return found

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the URL is our own, on loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.secret}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
                found: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            raise ControlFailed(json.load(error)["error"]) from error
        except OSError as error:
            raise ControlFailed(f"the endpoint's control API at {self.url}: {error}") from error
        return found
