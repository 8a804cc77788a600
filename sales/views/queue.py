"""The waiting room as a page: join, wait, go on to the seats."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from accounts.models import User
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
@login_required
def queue(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show a fan's place, and lead her to the seats when it is her turn; POST joins."""
    shown, now = find_event(request, event_id), timezone.now()
    assert isinstance(request.user, User)  # noqa: S101 - as login_required sees to
    if request.method == "POST":
        return _join(request, shown, request.user, now)
    try:
        view = _own(request, shown, request.user, now)
        if view is None:
            return _render(request, shown, None, now)
    except RoomNotFound:
        raise Http404("The event has no waiting room.") from None
    if view.state == QueueState.OFF:
        return redirect("sales:event", shown.pk)
    if view.state == QueueState.ADMITTED:
        return _let_in(request, shown, view, now)
    response = _render(request, shown, view, now)
    keep_ticket(response, shown.pk, view.ticket)
    return response


def _join(request: HttpRequest, shown: Event, fan: User, now: datetime) -> HttpResponse:
    try:
        view = join(event_id=shown.pk, fan_id=fan.pk, now=now)
    except RoomNotFound:
        raise Http404("The event has no waiting room.") from None
    except QueueClosed as closed:
        messages.error(request, f"{closed} You have no place in it.")
        return redirect("sales:event", shown.pk)
    response = redirect("sales:queue", shown.pk)
    keep_ticket(response, shown.pk, view.ticket)
    return response


def _own(request: HttpRequest, shown: Event, fan: User, now: datetime) -> QueueView | None:
    """Return how the visitor stands by the ticket of her browser, if that is hers."""
    kept = ticket_of(request, shown.pk)
    try:
        if read_ticket(kept, event_id=shown.pk).fan_id != fan.pk:
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
    request: HttpRequest, shown: Event, view: QueueView | None, now: datetime
) -> HttpResponse:
    room = find_room(event_id=shown.pk)
    context: dict[str, Any] = {"event": shown, "room": room, "view": view, "now": now}
    if view:
        context["poll"] = reverse("api:queue-ticket", args=[shown.pk, view.ticket])
        context["states"] = [each.value for each in QueueState]
        # Of people; one is not told that a crowd waits for a place of her own.
        context["place"] = None if view.ahead is None else view.ahead + 1
    response = render(request, "sales/queue.html", context)
    add_never_cache_headers(response)
    return response
