"""An event's waitlist, for its organiser: who waits, who is offered what, and its rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from sales.models import Event, WaitlistOrder
from sales.organising.queues import BadRules, change_waitlist, waitlist_file
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.waitlist import entries_of

__all__ = ["waitlist"]


class WaitlistForm(forms.Form):
    """The rules of a waitlist."""

    is_on = forms.BooleanField(required=False, label="The waitlist is on")
    order = forms.ChoiceField(choices=WaitlistOrder.choices, label="Who is next")
    window_minutes = forms.IntegerField(
        min_value=1, max_value=7 * 1440, label="Minutes to pay an offer"
    )

    def changes(self) -> dict[str, Any]:
        """Return the waitlist's rules."""
        given = dict(self.cleaned_data)
        minutes = given.pop("window_minutes")
        return {**given, "window_seconds": 60 * minutes}


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def waitlist(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """Show the line and the offers; managers change the rules."""
    if request.method != "POST":
        return _render(request, event_or_404(request, event_id))
    event = event_or_404(request, event_id, role=Role.MANAGER)
    form = WaitlistForm(request.POST)
    if not form.is_valid():
        return _render(request, event, form)
    try:
        change_waitlist(
            event_id=event.pk, user=request.user, fields=form.changes(), now=timezone.now()
        )
    except BadRules as refused:
        for name, reasons in refused.errors.items():
            form.add_error(name if name in form.fields else None, reasons)
        return _render(request, event, form)
    messages.success(request, "Saved. Offers that were made stay as they are.")
    return redirect("sales:organise-waitlist", event.pk)


def _render(
    request: HttpRequest, event: Event, form: WaitlistForm | None = None
) -> HttpResponseBase:
    now = timezone.now()
    found = waitlist_file(event_id=event.pk, user=request.user, now=now)
    initial = {
        "is_on": found.rules.is_on,
        "order": found.rules.order,
        "window_minutes": found.rules.window_seconds // 60,
    }
    may_see = has_role(request, event, Role.BOX_OFFICE)
    context = {
        "event": event,
        "form": form or WaitlistForm(initial=initial),
        "counts": found.counts,
        "has_waitlist": found.exists,
        "draw": found.draw,
        # Names and addresses of fans are for who works with them.
        "entries": entries_of(event_id=event.pk, now=now) if may_see else [],
        "may_change": has_role(request, event, Role.MANAGER),
    }
    return render(request, "sales/organise/waitlist.html", context, status=400 if form else 200)
