"""The cookies in which a browser keeps its place in a waiting room, and its pass.

They outlive logging out: who logs in again as the same fan has the same place. Both are signed
and bound to a fan, so they are of no use to anybody else.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

__all__ = ["keep_pass", "keep_ticket", "pass_of", "ticket_of"]

_TICKET_SECONDS = 7 * 24 * 3600


def ticket_of(request: HttpRequest, event_id: UUID) -> str:
    """Return the ticket that the browser keeps for an event, or nothing."""
    return request.COOKIES.get(f"queue-ticket-{event_id.hex}", "")


def pass_of(request: HttpRequest, event_id: UUID) -> str:
    """Return the pass that the browser keeps for an event, or nothing."""
    return request.COOKIES.get(f"queue-pass-{event_id.hex}", "")


def keep_ticket(response: HttpResponse, event_id: UUID, ticket: str) -> None:
    """Let the browser keep a ticket."""
    _keep(response, f"queue-ticket-{event_id.hex}", ticket, _TICKET_SECONDS)


def keep_pass(response: HttpResponse, event_id: UUID, text: str, seconds: int) -> None:
    """Let the browser keep a pass for as long as it is good."""
    _keep(response, f"queue-pass-{event_id.hex}", text, seconds)


def _keep(response: HttpResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
