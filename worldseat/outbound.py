"""HTTP to addresses that strangers name: never into our own network.

A name is resolved once, all its addresses are looked at, and the connection goes to one of those
that were looked at: a name that points elsewhere the next time (DNS rebinding) gains nothing. The
name stays in Host, in SNI and in the certificate's check. Redirects are not followed, proxies
of the environment are not used, and what is answered is read up to a size and a time.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

__all__ = ["Answered", "ForbiddenURL", "check_url", "post"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# All of it: name, connection, TLS, the answer's first bytes.
TOTAL_SECONDS = 15.0
KEPT_BYTES = 1024

# Public by the registry, and yet inside of a cloud: Azure's and Oracle's metadata, protocol
# assignments (RFC 6890), which Python 3.11 takes for global.
_INSIDE = [ipaddress.ip_network(each) for each in ("168.63.129.16/32", "192.0.0.0/24")]
# NAT64 (RFC 6052) has an IPv4 address in its last four bytes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HTTPS = 443
# Below it live databases' and mail servers' neighbours; no receiver needs them.
_FIRST_FREE_PORT = 1024


class ForbiddenURL(ValueError):
    """The URL leads where nothing may be sent; the message says why."""


@dataclass(frozen=True)
class Answered:
    """What became of a request: a status, or an error; how the body began; how long it took."""

    status: int | None
    error: str
    body: str
    milliseconds: int

    @property
    def ok(self) -> bool:
        """Whether the receiver has it: 2xx."""
        return self.status is not None and 200 <= self.status < 300


def check_url(url: str) -> None:
    """Raise ForbiddenURL unless something may be sent to a URL, as far as it says by itself.

    Where its name leads is looked at when it is connected to.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ForbiddenURL("Not a URL.") from None
    if not url.isascii() or any(ord(each) <= 32 for each in url):
        raise ForbiddenURL("Use ASCII without spaces; write a foreign name in punycode (xn--).")
    if parts.scheme not in ("https", *(["http"] if _allowed() else [])):
        raise ForbiddenURL("Use https://.")
    if not host:
        raise ForbiddenURL("The URL names no host.")
    if parts.username is not None or parts.fragment:
        raise ForbiddenURL("Leave out user names, passwords and fragments.")
    if port is not None and port != _HTTPS and port < _FIRST_FREE_PORT:
        raise ForbiddenURL(f"Use port {_HTTPS}, or one from {_FIRST_FREE_PORT} on.")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    _check_address(address)


def _allowed() -> Sequence[Network]:
    return [ipaddress.ip_network(each) for each in settings.WEBHOOK_PRIVATE_NETWORKS]


def _check_address(address: Address) -> None:
    """Raise ForbiddenURL for an address that is not out in the internet."""
    for each in (address, *_within(address)):
        if any(each in network for network in _allowed()):
            return
        if not each.is_global or each.is_multicast or any(each in net for net in _INSIDE):
            raise _Private(str(address))


class _Private(ForbiddenURL):
    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is not an address in the public internet.")


def _within(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _resolve(host: str, port: int) -> list[Any]:
    """Return where a name leads; raises ForbiddenURL if anything of it is inside, OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, where in found:
        _check_address(ipaddress.ip_address(str(where[0]).partition("%")[0]))
    return found


class _ToCheckedAddress:
    """Connects to an address that was looked at, in the place of urllib3's own look-up."""

    _dns_host: str
    port: int
    timeout: Any

    def _new_conn(self) -> socket.socket:
        error: OSError = OSError("The name leads nowhere.")
        for family, kind, protocol, _, where in _resolve(self._dns_host, self.port):
            made = socket.socket(family, kind, protocol)
            made.settimeout(self.timeout)
            try:
                made.connect(where)
            except OSError as failed:
                made.close()
                error = failed
            else:
                return made
        raise error


class _PlainConnection(_ToCheckedAddress, HTTPConnection):
    pass


class _TLSConnection(_ToCheckedAddress, HTTPSConnection):
    pass


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
    """Send a POST and return what was answered; never raises for what the other side does."""
    began = time.monotonic()
    status, error, text = None, "", ""
    try:
        check_url(url)
        status, text = _post(url, body, headers, began + TOTAL_SECONDS)
    except (OSError, HTTPError, ForbiddenURL, ValueError) as failed:
        error = _say(failed)
    except Exception as failed:  # a socket that was cut under http.client's hands
        error = _say(failed)
    spent = time.monotonic() - began
    if status is None and spent >= TOTAL_SECONDS:
        error = f"No answer within {TOTAL_SECONDS:.0f} seconds."
    return Answered(status, error[:300], text, round(spent * 1000))


def _say(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "The name of the host leads nowhere."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate is not valid: {error.verify_message}."
    return str(error) or type(error).__name__


def _post(url: str, body: bytes, headers: Mapping[str, str], until: float) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = _connection(parts.scheme, str(parts.hostname), parts.port, until)
    cut = threading.Timer(max(0.1, until - time.monotonic()), _cut, [connection])
    cut.daemon = True
    cut.start()
    try:
        path = parts.path or "/"
        target = f"{path}?{parts.query}" if parts.query else path
        connection.request("POST", target, body=body, headers=headers, preload_content=False)
        response = connection.getresponse()
        if time.monotonic() >= until:
            # Cut off among the headers, which http.client takes for their end.
            raise TimeoutError
        return response.status, _begin(response)
    finally:
        cut.cancel()
        connection.close()


def _connection(
    scheme: str, host: str, port: int | None, until: float
) -> _PlainConnection | _TLSConnection:
    timeout = max(0.1, until - time.monotonic())
    if scheme == "http":
        return _PlainConnection(host, port or 80, timeout=timeout)
    context = ssl.create_default_context()
    return _TLSConnection(host, port or _HTTPS, timeout=timeout, ssl_context=context)


def _cut(connection: HTTPConnection) -> None:
    """Break a connection off: a socket's own time-out begins anew with each byte."""
    held: Any = connection.sock
    if held is not None:
        with suppress(OSError, ValueError):
            held.shutdown(socket.SHUT_RDWR)


def _begin(response: Any) -> str:
    """Read how the answer begins; a status that has come counts, whatever follows."""
    with suppress(OSError, HTTPError, ValueError):
        found: bytes = response.read(KEPT_BYTES, decode_content=False)
        return found.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return ""
