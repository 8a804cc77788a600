"""The waiting room as a page: join, wait, go on to the seats."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from accounts.guest_pages import fan_of
from sales.models import Event
from sales.views.events import find_event
from sales.views.queue_cookies import keep_pass, keep_ticket, ticket_of
from sales.waiting_room.queue import QueueClosed, QueueView, join, look
from sales.waiting_room.reading import RoomNotFound
from sales.waiting_room.rooms import find_room
from sales.waiting_room.standing import QueueState
from sales.waiting_room.tokens import BadTicket, read_ticket

__all__ = ["queue"]


@require_http_methods(["GET", "HEAD", "POST"])
def queue(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show a fan's place, and lead her to the seats when it is her turn; POST joins.

    Who is signed out sees the place that her browser keeps, and how to sign in to it: the ticket
    is signed, and shows nothing of whose it is.
    """
    shown, now, fan = find_event(request, event_id), timezone.now(), fan_of(request)
    fan_id = fan.pk if fan else None
    if request.method == "POST":
        if fan_id is None:
            messages.info(request, "Log in, register or go on as a guest to join.")
            return redirect_to_login(request.path)
        return _join(request, shown, fan_id, now)
    try:
        view = _own(request, shown, fan_id, now)
        if view is None:
            return _render(request, shown, None, now, signed_out=fan is None)
    except RoomNotFound:
        raise Http404("The event has no waiting room.") from None
    if view.state == QueueState.OFF:
        return redirect("sales:event", shown.pk)
    if view.state == QueueState.ADMITTED and fan:
        return _let_in(request, shown, view, now)
    response = _render(request, shown, view, now, signed_out=fan is None)
    keep_ticket(response, shown.pk, view.ticket)
    return response


def _join(request: HttpRequest, shown: Event, fan_id: UUID, now: datetime) -> HttpResponse:
    try:
        view = join(event_id=shown.pk, fan_id=fan_id, now=now)
    except RoomNotFound:
        raise Http404("The event has no waiting room.") from None
    except QueueClosed as closed:
        messages.error(request, f"{closed} You have no place in it.")
        return redirect("sales:event", shown.pk)
    response = redirect("sales:queue", shown.pk)
    keep_ticket(response, shown.pk, view.ticket)
    return response


def _own(
    request: HttpRequest, shown: Event, fan_id: UUID | None, now: datetime
) -> QueueView | None:
    """Return how the visitor stands by the ticket of her browser, unless it is another fan's."""
    kept = ticket_of(request, shown.pk)
    try:
        if fan_id not in (None, read_ticket(kept, event_id=shown.pk).fan_id):
            return None
        return look(event_id=shown.pk, ticket=kept, now=now)
    except BadTicket:
        return None


def _let_in(request: HttpRequest, shown: Event, view: QueueView, now: datetime) -> HttpResponse:
    assert view.pass_expires_at  # noqa: S101 - who is admitted has a pass
    messages.success(request, "It is your turn. Choose your seat.")
    response = redirect("sales:event", shown.pk)
    seconds = int((view.pass_expires_at - now).total_seconds())
    keep_pass(response, shown.pk, view.pass_text, seconds)
    return response


def _render(
    request: HttpRequest,
    shown: Event,
    view: QueueView | None,
    now: datetime,
    *,
    signed_out: bool,
) -> HttpResponse:
    room = find_room(event_id=shown.pk)
    context: dict[str, Any] = {"event": shown, "room": room, "view": view, "now": now}
    context["signed_out"] = signed_out
    # Somebody let in who has not said who she is: looking again would change nothing.
    context["is_turn"] = view is not None and view.state == QueueState.ADMITTED
    if view:
        context["poll"] = reverse("api:queue-ticket", args=[shown.pk, view.ticket])
        context["states"] = [each.value for each in QueueState]
        # Of people; one is not told that a crowd waits for a place of her own.
        context["place"] = None if view.ahead is None else view.ahead + 1
    response = render(request, "sales/queue.html", context)
    add_never_cache_headers(response)
    return response
