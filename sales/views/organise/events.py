"""An event from draft to close: its page, its rules, its copy, and how fans will see it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.models import BulkJob, Event, Venue
from sales.organising.categories import category_lines
from sales.organising.event_copies import duplicate_event
from sales.organising.event_refunds import begin_refunds, orders_to_refund
from sales.organising.event_rules import BadEvent, change_event, create_event
from sales.organising.event_states import MOVES, NotReady, WrongState, move_event, moves_from
from sales.organising.finding_seats import recent_jobs
from sales.organising.working import set_going
from sales.tasks import bulk_job
from sales.views.events import render_event
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.views.organise.event_forms import DuplicateForm, NewEventForm, RulesForm, TimesForm

__all__ = ["duplicate", "event", "move", "new_event", "preview", "refund_all", "rules"]

_SAID = {
    "publish": "The event is published: it sells in its on-sale window.",
    "pause": "The sale is paused. Holds can still be paid.",
    "resume": "The sale goes on.",
    "close": "The event is closed.",
    "cancel": "The event is cancelled. Who has tickets gets a mail. Give the money back next.",
    "withdraw": "The event is a draft again: fans do not see it.",
}


@require_safe
@organiser_page
def event(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show how an event stands, and what can be done with it."""
    shown = event_or_404(request, event_id)
    context = {
        "event": shown,
        "categories": category_lines(event_id=shown.pk, user=request.user, now=timezone.now()),
        "moves": moves_from(shown),
        "jobs": recent_jobs(event_id=shown.pk, user=request.user, most=5),
        "changes": has_role(request, shown, Role.MANAGER),
        "box_office": has_role(request, shown, Role.BOX_OFFICE),
        "to_refund": orders_to_refund(event_id=shown.pk),
    }
    return render(request, "sales/organise/event.html", context)


@require_POST
@organiser_page
def refund_all(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Refund all orders of an event that is cancelled, and lead to how far that is."""
    shown = event_or_404(request, event_id, role=Role.MANAGER)
    try:
        job = begin_refunds(event_id=shown.pk, user=request.user, now=timezone.now())
    except NotReady as error:
        messages.error(request, str(error))
        return redirect("sales:organise-event", shown.pk)
    set_going(job, send=bulk_job.delay)
    return redirect("sales:organise-job", job.pk)


@require_POST
@organiser_page
def move(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Publish, pause, resume, close or withdraw an event, and lead back to it."""
    shown = event_or_404(request, event_id, role=Role.MANAGER)
    wanted = request.POST.get("move", "")
    if wanted not in MOVES:
        raise Http404
    if wanted == "cancel" and not request.POST.get("sure"):
        messages.error(request, "Tick that you are sure. Nothing was changed.")
        return redirect("sales:organise-event", shown.pk)
    try:
        move_event(event_id=shown.pk, user=request.user, move=wanted, now=timezone.now())
        messages.success(request, _SAID[wanted])
    except (WrongState, NotReady) as error:
        messages.error(request, str(error))
    return redirect("sales:organise-event", shown.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def rules(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show an event's rules as a form; filled in, change them."""
    shown = event_or_404(request, event_id, role=Role.MANAGER)
    form = RulesForm(request.POST or None, event=shown)
    if request.method == "POST" and form.is_valid():
        try:
            change_event(
                event_id=shown.pk, user=request.user, fields=form.changes(), now=timezone.now()
            )
        except BadEvent as error:
            _show(error, form)
        else:
            messages.success(request, "The event was changed.")
            return redirect("sales:organise-event", shown.pk)
    context = {"event": shown, "form": form, "title": "Rules and times", "button": "Save"}
    return render(request, "sales/organise/event_form.html", context)


def _show(error: BadEvent, form: TimesForm) -> None:
    for name, texts in error.errors.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, text)


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def duplicate(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show the form of a copy; filled in, make it and lead to it."""
    shown = event_or_404(request, event_id, role=Role.MANAGER)
    form = DuplicateForm(request.POST or None, event=shown)
    if request.method == "POST" and form.is_valid():
        try:
            made, job = duplicate_event(
                event_id=shown.pk, user=request.user, now=timezone.now(), **form.cleaned_data
            )
        except BadEvent as error:
            _show(error, form)
        else:
            return _to_copy(request, made, job)
    context = {"event": shown, "form": form, "title": "Duplicate", "button": "Duplicate"}
    return render(request, "sales/organise/event_form.html", context)


def _to_copy(request: HttpRequest, made: Event, job: BulkJob | None) -> HttpResponse:
    messages.success(request, f"{made.name} was made, as a draft.")
    if job is None:
        return redirect("sales:organise-event", made.pk)
    set_going(job, send=bulk_job.delay)
    return redirect("sales:organise-job", job.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def new_event(request: HttpRequest) -> HttpResponse:
    """Show the form of a new event; filled in, make a draft and lead to it."""
    own = organisations_of(request.user, role=Role.MANAGER)
    if not own.exists():
        raise PermissionDenied
    venues = Venue.objects.filter(organisation__in=own).order_by("name")
    form = NewEventForm(request.POST or None, venues=venues)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        try:
            made = create_event(
                venue_id=given.pop("venue").pk,
                user=request.user,
                currency=given.pop("currency"),
                fields=given,
                now=timezone.now(),
            )
        except BadEvent as error:
            _show(error, form)
        else:
            messages.success(request, "The event is a draft. Choose its seating plan next.")
            return redirect("sales:organise-event", made.pk)
    context = {"form": form, "title": "New event", "button": "Make a draft", "venues": venues}
    return render(request, "sales/organise/event_form.html", context)


@require_safe
@organiser_page
def preview(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show an event as fans will see it once it is published; nothing can be bought here."""
    shown = event_or_404(request, event_id)
    return render_event(request, shown.pk, preview=True)
