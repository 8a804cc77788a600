"""A fan's places on waitlists: join, see an offer, give it back, leave."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from sales.events import EventNotFound
from sales.holds import HoldExpired, HoldNotFound, release_hold
from sales.limits import LimitReached
from sales.views.events import PROVIDER
from sales.waitlist import (
    EntryNotFound,
    WaitlistClosed,
    draw_shown,
    enlist,
    leave,
    own_entries,
)

__all__ = ["decline", "join", "leave_list", "waitlist"]


class WishForm(forms.Form):
    """How many seats, and of which category."""

    quantity = forms.IntegerField(min_value=1, max_value=100)
    category = forms.UUIDField(required=False)


def _fan(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - as login_required sees to
    return request.user


@require_safe
@login_required
def waitlist(request: HttpRequest) -> HttpResponse:
    """List where the fan waits, and what she is offered."""
    now = timezone.now()
    entries = own_entries(fan_id=_fan(request).pk, now=now)
    shown = [(entry, draw_shown(entry, now=now)) for entry in entries]
    context = {"entries": shown, "can_pay": PROVIDER in settings.PAYMENT_PROVIDERS}
    response = render(request, "sales/waitlist.html", context)
    add_never_cache_headers(response)
    return response


@login_required
def join(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Put the fan on an event's waitlist, or say why not. Who had to log in chooses anew."""
    if request.method != "POST":
        return redirect("sales:event", event_id)
    form = WishForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say how many seats you want. Nothing was changed.")
        return redirect("sales:event", event_id)
    wish = form.cleaned_data
    try:
        enlist(
            event_id=event_id,
            fan_id=_fan(request).pk,
            quantity=wish["quantity"],
            category_id=wish["category"],
            now=timezone.now(),
        )
    except EventNotFound as error:
        raise Http404(str(error)) from None
    except (WaitlistClosed, LimitReached) as refusal:
        messages.error(request, f"{refusal} Nothing was changed.")
        return redirect("sales:event", event_id)
    messages.success(request, "You are on the waitlist. We write to you when it is your turn.")
    return redirect("sales:waitlist")


@require_POST
@login_required
def leave_list(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Take the fan off an event's waitlist."""
    try:
        leave(event_id=event_id, fan_id=_fan(request).pk, now=timezone.now())
    except EntryNotFound:
        raise Http404("You are not on this waitlist.") from None
    messages.success(request, "You have left the waitlist.")
    return redirect("sales:waitlist")


@require_POST
@login_required
def decline(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    """Give the seats of an offer back; they go to the next in line."""
    try:
        release_hold(hold_id=hold_id, fan_id=_fan(request).pk, now=timezone.now())
    except HoldNotFound:
        raise Http404("You have no such hold.") from None
    except HoldExpired as ended:
        messages.error(request, f"{ended} Nothing was changed.")
    else:
        messages.success(request, "The seats go to the next in line.")
    return redirect("sales:waitlist")
