"""An event's waiting room, for its organiser: how it stands, and its rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Role
from sales.back_office.files import as_csv
from sales.models import Event
from sales.organising.queues import (
    DRAW,
    BadRules,
    DrawSecret,
    RoomFile,
    change_room,
    draw_rows,
    room_file,
)
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.views.organise.event_forms import InstantField, put_times_at
from sales.waiting_room.reading import RoomNotFound

__all__ = ["draw_csv", "pause", "queue"]


class RoomForm(forms.Form):
    """The rules of a waiting room; times are as the venue's clocks show them."""

    is_on = forms.BooleanField(required=False, label="The waiting room is on")
    opens_at = InstantField(label="Fans can join from")
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

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        put_times_at(self, event.venue)

    def changes(self) -> dict[str, Any]:
        """Return the room's fields."""
        given = dict(self.cleaned_data)
        minutes = given.pop("pass_minutes")
        return {**given, "pass_seconds": 60 * minutes}


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def queue(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """Show how the waiting room stands; managers change its rules."""
    role = Role.MANAGER if request.method == "POST" else Role.VIEWER
    event = event_or_404(request, event_id, role=role)
    found = room_file(event_id=event.pk, user=request.user, now=timezone.now())
    if request.method != "POST":
        return _render(request, found, RoomForm(event=event, initial=_initial(found)))
    form = RoomForm(request.POST, event=event)
    if form.is_valid():
        try:
            change_room(
                event_id=event.pk, user=request.user, fields=form.changes(), now=timezone.now()
            )
        except BadRules as error:
            for name, texts in error.errors.items():
                form.add_error(name if name in form.fields else None, texts)
        else:
            messages.success(request, "Saved. The new rules hold from now on.")
            return redirect("sales:organise-queue", event.pk)
    return _render(request, found, form, status=400)


@require_POST
@organiser_page
def pause(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Let nobody in for now, or go on; everybody keeps her place."""
    event = event_or_404(request, event_id, role=Role.MANAGER)
    pauses = request.POST.get("do") != "go-on"
    if room_file(event_id=event.pk, user=request.user, now=timezone.now()).status is None:
        raise Http404("The event has no waiting room.")
    change_room(
        event_id=event.pk,
        user=request.user,
        fields={"is_paused": pauses},
        now=timezone.now(),
    )
    said = "Nobody is let in for now; everybody keeps her place." if pauses else "It goes on."
    messages.success(request, said)
    return redirect("sales:organise-queue", event.pk)


@require_safe
@organiser_page
def draw_csv(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """Answer with the drawn order as CSV; there is none before the sale has started."""
    event = event_or_404(request, event_id)
    try:
        rows = draw_rows(event_id=event.pk, user=request.user, now=timezone.now())
    except (RoomNotFound, DrawSecret) as error:
        raise Http404(str(error)) from None
    return StreamingHttpResponse(
        as_csv(DRAW, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{event.slug}-draw.csv"'},
    )


def _initial(found: RoomFile) -> dict[str, Any]:
    rules = found.rules
    return {
        "is_on": rules.is_on,
        "opens_at": rules.opens_at,
        "rate_per_minute": rules.rate_per_minute,
        "pass_minutes": rules.pass_seconds // 60,
        "policy": rules.policy,
    }


def _render(
    request: HttpRequest, found: RoomFile, form: RoomForm, status: int = 200
) -> HttpResponse:
    context = {
        "event": found.event,
        "form": form,
        "room": found.status,
        "paused": found.rules.is_paused,
        "draw": found.draw,
        "may_change": has_role(request, found.event, Role.MANAGER),
    }
    return render(request, "sales/organise/queue.html", context, status=status)
