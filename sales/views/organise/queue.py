"""An event's waiting room, for its organiser: how it stands, and its rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from sales.models import Event
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.waiting_room.reading import RoomNotFound
from sales.waiting_room.rooms import RoomRules, find_room, room_status, set_room

__all__ = ["queue"]


class RoomForm(forms.Form):
    """The rules of a waiting room; times are UTC."""

    is_on = forms.BooleanField(required=False, label="The waiting room is on")
    is_paused = forms.BooleanField(
        required=False,
        label="Let nobody in for now",
        help_text="Everybody keeps the place that she has.",
    )
    opens_at = forms.DateTimeField(
        label="Fans can join from (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    rate_per_minute = forms.IntegerField(
        min_value=1, max_value=1_000_000, label="Fans let in a minute"
    )
    pass_minutes = forms.IntegerField(
        min_value=1, max_value=1440, label="Minutes to choose and hold seats"
    )
    policy = forms.CharField(
        required=False,
        max_length=5000,
        label="What fans are told besides the rules",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def rules(self) -> RoomRules:
        """Return what was asked for."""
        given = dict(self.cleaned_data)
        minutes = given.pop("pass_minutes")
        return RoomRules(**given, pass_seconds=60 * minutes)


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def queue(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """Show how the waiting room stands; managers change its rules."""
    if request.method != "POST":
        event = event_or_404(request, event_id)
        return _render(request, event, RoomForm(initial=_initial(event)))
    event = event_or_404(request, event_id, role=Role.MANAGER)
    form = RoomForm(request.POST)
    if form.is_valid():
        try:
            set_room(event_id=event.pk, rules=form.rules(), actor=request.user, now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            messages.success(request, "Saved. The new rules hold from now on.")
            return redirect("sales:organise-queue", event.pk)
    return _render(request, event, form, status=400)


def _initial(event: Event) -> dict[str, Any]:
    try:
        room = find_room(event_id=event.pk)
    except RoomNotFound:
        return {"opens_at": timezone.now(), "rate_per_minute": 100, "pass_minutes": 10}
    return {
        "is_on": event.has_waiting_room,
        "is_paused": room.is_paused,
        "opens_at": room.opens_at,
        "rate_per_minute": room.rate_per_minute,
        "pass_minutes": room.pass_seconds // 60,
        "policy": room.policy,
    }


def _render(request: HttpRequest, event: Event, form: RoomForm, status: int = 200) -> HttpResponse:
    context = {
        "event": event,
        "form": form,
        "room": room_status(event_id=event.pk, now=timezone.now()),
        "may_change": has_role(request, event, Role.MANAGER),
    }
    return render(request, "sales/organise/queue.html", context, status=status)
