"""An event's waitlist, for its organiser: who waits, who is offered what, and its rules."""

from __future__ import annotations

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
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.waitlist import WaitlistRules, entries_of, find_waitlist, set_waitlist, waitlist_counts

__all__ = ["waitlist"]


class WaitlistForm(forms.Form):
    """The rules of a waitlist."""

    is_on = forms.BooleanField(required=False, label="The waitlist is on")
    order = forms.ChoiceField(choices=WaitlistOrder.choices, label="Who is next")
    window_minutes = forms.IntegerField(
        min_value=1, max_value=7 * 1440, label="Minutes to pay an offer"
    )

    def rules(self) -> WaitlistRules:
        """Return what was asked for."""
        given = self.cleaned_data
        return WaitlistRules(given["is_on"], given["order"], 60 * given["window_minutes"])


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def waitlist(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """Show the line and the offers; managers change the rules."""
    now = timezone.now()
    if request.method != "POST":
        return _render(request, event_or_404(request, event_id))
    event = event_or_404(request, event_id, role=Role.MANAGER)
    form = WaitlistForm(request.POST)
    if not form.is_valid():
        return _render(request, event, form)
    set_waitlist(event_id=event.pk, rules=form.rules(), actor=request.user, now=now)
    messages.success(request, "Saved. Offers that were made stay as they are.")
    return redirect("sales:organise-waitlist", event.pk)


def _render(
    request: HttpRequest, event: Event, form: WaitlistForm | None = None
) -> HttpResponseBase:
    now, found = timezone.now(), find_waitlist(event_id=event.pk)
    initial = {
        "is_on": event.has_waitlist,
        "order": found.order if found else WaitlistOrder.FIRST_COME,
        "window_minutes": found.window_seconds // 60 if found else 60,
    }
    may_see = has_role(request, event, Role.BOX_OFFICE)
    context = {
        "event": event,
        "form": form or WaitlistForm(initial=initial),
        "waitlist": found,
        "counts": waitlist_counts(event_id=event.pk, now=now),
        # Names and addresses of fans are for who works with them.
        "entries": entries_of(event_id=event.pk, now=now) if may_see else [],
        "may_change": has_role(request, event, Role.MANAGER),
    }
    status = 400 if form else 200
    return render(request, "sales/organise/waitlist.html", context, status=status)
