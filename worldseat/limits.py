"""Which limits a request meets: by what it does, and by whom (a fan, an API key, an address).

The names are those of the settings THROTTLES; docs/operating.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from worldseat.addresses import client_address, network_of
from worldseat.api.problems import Problem
from worldseat.throttling import Verdict, take

__all__ = ["LimitsMiddleware", "of_request", "of_unknown"]

_API = "/api/"
_ACCOUNTS = "/accounts/"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_ORGANISERS = ("/api/v1/organiser/", "/organise/", "/admin/", "/api/v1/stampedes/")
# What costs a server nothing, or is asked by machines that watch it.
_FREE = ("/static/", "/healthz", "/favicon")


def of_request(
    request: HttpRequest, user: Any, *, bucket: str = "", account: str = ""
) -> Verdict | None:
    """Take a request from its buckets; None where it meets no limit.

    bucket: `login` or `register`; else what the path and the method say.
    user: None where nobody has looked; then it goes by the token or the session itself.
    account: the e-mail address that somebody tries to log in with.
    Buyers of a stampede are not people, and their number is the operator's: they meet none.
    """
    if getattr(user, "is_simulated", False) or request.path.startswith(_FREE):
        return None
    address = network_of(client_address(request))
    if bucket == "login":
        return take(_login(address, account))
    if bucket:
        return take([(bucket, address)])
    name = _bucket(request)
    wanted = [(f"{name}-address", address)]
    # A fan, or an API key: each key has a user of its own.
    whose = _credentials(request) if user is None else str(user.pk or "")
    if whose:
        wanted.insert(0, (name, whose))
    return take(wanted)


def _credentials(request: HttpRequest) -> str:
    """Return what would say who asks, unread; who forges one is still held to her address."""
    return request.headers.get("Authorization") or request.COOKIES.get("sessionid", "")


def _login(address: str, account: str) -> list[tuple[str, str]]:
    """Somebody at another address cannot lock a fan out with a few tries."""
    found = [("login-address", address)]
    if account:
        whose = account.strip().lower()
        found += [("login", f"{whose} {address}"), ("login-account", whose)]
    return found


def _bucket(request: HttpRequest) -> str:
    if request.path.startswith(_ORGANISERS):
        return "organise"
    return "browse" if request.method in _SAFE else "sell"


def of_unknown(request: HttpRequest) -> Verdict | None:
    """Take a request whose token was wrong from its address's bucket."""
    return take([("unknown", network_of(client_address(request)))])


class LimitsMiddleware:
    """Limits for pages (the API's views have their own), and threads that browsing cannot take.

    Of a process's threads BROWSING_AT_ONCE may be looking things up; who comes beyond is sent away
    at once, to come back in a second. So a purchase never waits for a thread behind browsers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        number = settings.BROWSING_AT_ONCE
        self._places = BoundedSemaphore(number) if number else None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request, if there is a place for it."""
        if self._places is None or _bucket(request) != "browse" or request.path.startswith(_FREE):
            return self._get_response(request)
        if not self._places.acquire(blocking=False):
            return _full(request)
        try:
            return self._get_response(request)
        finally:
            self._places.release()

    def process_view(
        self, request: HttpRequest, view: Any, arguments: Any, named: Any
    ) -> HttpResponse | None:
        """Refuse a page (429) to who has asked for too many; runs when the user is known."""
        if request.path.startswith(_API) or not settings.THROTTLING:
            return None
        bucket, account = _of_page(request)
        verdict = of_request(request, request.user, bucket=bucket, account=account)
        if verdict is None or verdict.allowed:
            return None
        page = render(request, "429.html", {"seconds": verdict.wait_seconds}, status=429)
        for name, value in verdict.headers().items():
            page[name] = value
        return page


def _of_page(request: HttpRequest) -> tuple[str, str]:
    """Return the bucket of a form that logs in or registers, and the account it is about."""
    if request.method != "POST" or not request.path.startswith(_ACCOUNTS):
        return "", ""
    found = request.resolver_match
    name = (found.url_name if found else "") or ""
    if "register" in name or "signup" in name:
        return "register", ""
    if "login" in name or "reset" in name or "mfa" in name:
        given = (request.POST.get(field) for field in ("username", "email", "login"))
        return "login", next(filter(None, given), "")
    return "", ""


def _full(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(_API):
        detail = "This server has all the browsers it can take; buying goes on. Ask again."
        return Problem(503, "busy", detail, headers={"Retry-After": "1"}).response(request.path)
    return HttpResponse(
        "Busy: please try again in a second.",
        status=503,
        content_type="text/plain",
        headers={"Retry-After": "1"},
    )
