"""A ticket to show at the door, and a new code for it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST, require_safe

from sales import tickets
from sales.models import EventState, Ticket, TicketState
from sales.printing import when

__all__ = ["reissue", "ticket"]


@require_safe
@login_required
def ticket(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """Show a ticket with its QR code: the fan's own, or one of the box office."""
    try:
        found = tickets.visible_ticket(ticket_id=ticket_id, user=request.user)
    except tickets.TicketNotFound:
        raise Http404 from None
    context = {
        "ticket": found,
        "when": when(found.event),
        "total_minor": found.total_minor,
        "code": _lines(found),
        "is_off": found.event.state == EventState.CANCELLED,
        "own": found.fan_id == request.user.pk,
    }
    response = render(request, "sales/ticket.html", context)
    add_never_cache_headers(response)
    return response


def _lines(found: Ticket) -> list[str]:
    if found.state != TicketState.VALID or found.event.state == EventState.CANCELLED:
        return []
    code = tickets.code_of(found)
    return [code[at : at + 38] for at in range(0, len(code), 38)]


@require_POST
@login_required
def reissue(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """Give the ticket a new code."""
    try:
        tickets.reissue(ticket_id=ticket_id, user=request.user, now=timezone.now())
    except tickets.TicketNotFound:
        raise Http404 from None
    except (tickets.TicketVoid, tickets.TicketUsed, tickets.ReissueLimit) as refusal:
        messages.error(request, f"{refusal} Nothing was changed.")
    else:
        messages.success(request, "This is the new code. The old one lets nobody in any more.")
    return redirect("sales:ticket", ticket_id=ticket_id)
