"""Where a request comes from, for limits and logs."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

__all__ = ["client_address", "network_of"]


def client_address(request: HttpRequest) -> str:
    """Return the client's address; behind trusted proxies what the outermost of them saw.

    Each of our TRUSTED_PROXIES appends whom it was called by to X-Forwarded-For. What stands before
    those entries the client may have written herself: it is never looked at.
    """
    direct: str = request.META.get("REMOTE_ADDR", "")
    if not settings.TRUSTED_PROXIES:
        return direct
    told = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",")]
    if len(told) < settings.TRUSTED_PROXIES:
        return direct
    return _address(told[-settings.TRUSTED_PROXIES]) or direct


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return ""


def network_of(address: str) -> str:
    """Return what counts as one client: the address, or the /64 that an IPv6 customer has whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
