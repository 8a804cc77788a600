"""The door: a form into which a scanner types what it reads, and what to do then.

A scanner that is a keyboard to its phone ends each code with Enter, which sends the form; no
script is needed.
"""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.events import EventNotFound
from sales.idempotency import Answer, Keyed, KeyReused, RequestKey, fingerprint
from sales.models import Event, ScanOutcome
from sales.scanning import Verdict, admit, events_with_doors
from sales.ticket_codes import LONGEST_CODE, BadCode, read_code
from sales.tickets import TicketNotFound

__all__ = ["door"]

# Links to scanners; the form lists them all.
_MOST_EVENTS = 10
_REFUSALS = {
    ScanOutcome.ALREADY_ADMITTED: "Already let in",
    ScanOutcome.VOID: "Void: cancelled or exchanged",
    ScanOutcome.SUPERSEDED: "An old code: the ticket was reissued",
    ScanOutcome.OTHER_EVENT: "For another event",
    ScanOutcome.EVENT_CANCELLED: "The event is cancelled",
}


class DoorForm(forms.Form):
    """What a door knows: what happens behind it, its name, the code it is shown."""

    event = forms.ModelChoiceField(Event.objects.none(), empty_label="Any of ours", required=False)
    gate = forms.CharField(max_length=50, required=False)
    code = forms.CharField(
        max_length=LONGEST_CODE,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "off", "autocapitalize": "characters"}
        ),
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def door(request: HttpRequest) -> HttpResponse:
    """Show the form; with a code, let in who showed it or say why not."""
    if not organisations_of(request.user, role=Role.SCANNER).exists():
        raise PermissionDenied
    given = _form(request, request.POST or None)
    told = _scan(request, given.cleaned_data) if given.is_bound and given.is_valid() else None
    kept = {name: given.data.get(name, "") for name in ("event", "gate")}
    fresh = _form(request, None, initial={**kept, "key": secrets.token_urlsafe(16)})
    events = fresh.fields["event"].queryset[:_MOST_EVENTS]  # type: ignore[attr-defined] # a ModelChoiceField
    context = {"form": fresh, "told": told, "wrong": given.errors.get("code"), "events": events}
    response = render(request, "sales/door.html", context)
    add_never_cache_headers(response)
    return response


def _form(request: HttpRequest, data: Any, **options: Any) -> DoorForm:
    form = DoorForm(data, **options)
    field: Any = form.fields["event"]
    field.queryset = events_with_doors(user=request.user, now=timezone.now())
    return form


def _scan(request: HttpRequest, shown: dict[str, Any]) -> dict[str, Any]:
    """Return what to tell the door: `admits`, `headline`, and what is known of the ticket."""
    event_id: UUID | None = shown["event"].pk if shown["event"] else None
    body = {**shown, "event": str(event_id), "key": ""}
    asked = RequestKey(
        fan_id=request.user.pk,  # type: ignore[arg-type] # logged in
        key=f"door {shown['key']}",
        fingerprint=fingerprint(method="POST", path=request.path, body=body),
    )
    try:
        done = admit(
            code=read_code(shown["code"]),
            user=request.user,
            scan_id=uuid4(),
            now=timezone.now(),
            gate=shown["gate"],
            event_id=event_id,
            keyed=Keyed(asked, render=_told),
        )
    except BadCode:
        return _refused("No ticket of ours")
    except (TicketNotFound, EventNotFound):
        return _refused("Not a ticket that you may scan")
    except KeyReused:
        return _refused("This page was used before: scan again")
    answer = done if isinstance(done, Answer) else _told(done)
    return dict(answer.body)


def _refused(headline: str) -> dict[str, Any]:
    return {"admits": False, "headline": headline}


def _told(verdict: Verdict) -> Answer:
    """Put it as JSON, as it is kept under the form's key: a page sent twice says the same."""
    ticket, outcome = verdict.scan.ticket, ScanOutcome(verdict.scan.outcome)
    earlier = verdict.admission if outcome == ScanOutcome.ALREADY_ADMITTED else None
    return Answer(
        200 if verdict.admits else 409,
        {
            "admits": verdict.admits,
            "headline": "Let in" if verdict.admits else _REFUSALS[outcome],
            "event": ticket.event.name,
            "section": ticket.seat.section,
            "row": ticket.seat.row,
            "number": ticket.seat.number,
            "price_type": ticket.price_type,
            "holder": ticket.fan.known_as,
            "before": f"{earlier.scanned_at:%H:%M:%S} UTC" if earlier else "",
            "gate": earlier.gate if earlier else "",
        },
    )
