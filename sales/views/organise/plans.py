"""Venues and their seating plans: upload or generate, look, take, make seats of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.back_office.access import RoleTooLow
from sales.charts import Chart, ChartHead, ChartSeat, ChartSection
from sales.events import EventNotFound
from sales.models import Event, PriceCategory, Venue
from sales.organising.event_states import NotReady
from sales.organising.making_seats import plan_to_make_seats
from sales.organising.moving_seats import plan_to_move
from sales.organising.rights import VenueNotFound, managed_venue, may_manage
from sales.organising.venue_plans import (
    BadVenue,
    PlanFile,
    PlanInUse,
    PlanNotFound,
    add_venue,
    discard_plan,
    keep_plan,
    plan_file,
    plans_of,
    take_plan,
    venues_of,
)
from sales.organising.working import set_going
from sales.plans import (
    BadNumbers,
    Plan,
    PlanIncomplete,
    PlanInvalid,
    PlanUnreadable,
    Refused,
)
from sales.plans.tables import SAMPLE
from sales.tasks import bulk_job
from sales.views.organise.access import organiser_page
from sales.views.organise.plan_forms import (
    BlockFormSet,
    PricesForm,
    UploadForm,
    VenueForm,
    plan_by_blocks,
)
from sales.views.seat_maps import draw
from worldseat.money import minor_units

__all__ = ["discard", "make", "move", "plan", "plan_map", "plans", "sample", "take", "venues"]


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def venues(request: HttpRequest) -> HttpResponse:
    """List the venues of the visitor's organisations, and add one."""
    own = organisations_of(request.user, role=Role.MANAGER).order_by("name")
    form = VenueForm(request.POST or None, organisations=own, initial={"organisation": own.first()})
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        try:
            made = add_venue(
                organisation_id=given.pop("organisation").pk,
                user=request.user,
                now=timezone.now(),
                **given,
            )
        except BadVenue as error:
            for name, texts in error.errors.items():
                form.add_error(name if name in form.fields else None, texts)
        else:
            messages.success(request, f"{made.name} was added. Upload or generate its plan next.")
            return redirect("sales:organise-plans", made.pk)
    listed = venues_of(request.user).order_by("name")
    context = {"venues": listed, "form": form if own.exists() else None}
    return render(request, "sales/organise/venues.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def plans(request: HttpRequest, venue_id: UUID) -> HttpResponse:
    """List a venue's plans; upload or generate another one, which leads to a look at it."""
    venue = _venue_or_404(request, venue_id)
    changes = may_manage(request.user, venue.organisation_id)
    upload, blocks, more = _forms(request)
    problem: Exception | None = None
    if request.method == "POST":
        if not changes:
            raise PermissionDenied
        try:
            found = _read(request, upload, blocks) if not more else None
        except (PlanUnreadable, PlanInvalid, BadNumbers) as error:
            found, problem = None, error
        if found is not None:
            plan_id = keep_plan(venue_id=venue.pk, user=request.user, plan=found)
            return redirect("sales:organise-plan", plan_id)
    context = {
        "venue": venue,
        "plans": plans_of(venue_id=venue.pk, user=request.user),
        "upload": upload,
        "blocks": blocks,
        "changes": changes,
        "problem": problem,
    }
    status = 400 if problem else 200
    return render(request, "sales/organise/plans.html", context, status=status)


def _forms(request: HttpRequest) -> tuple[UploadForm, Any, bool]:
    """Return the two forms, the one that was sent filled in; and whether one more section is
    asked for.
    """
    asked = request.POST.get("by", "")
    upload = UploadForm(*((request.POST, request.FILES) if asked == "upload" else ()))
    if asked != "numbers":
        return upload, BlockFormSet(prefix="block"), False
    data = request.POST.copy()
    more = "more" in data
    if more:
        number = data.get("block-TOTAL_FORMS", "1")
        data["block-TOTAL_FORMS"] = (
            str(int(number) + 1) if number.isdecimal() and len(number) < 4 else "1"
        )
    blocks = BlockFormSet(data, prefix="block")
    if more:
        # No complaints about what is not filled in yet.
        blocks = BlockFormSet(prefix="block", initial=_entered(data, blocks))
    return upload, blocks, more


def _entered(data: Any, blocks: Any) -> list[dict[str, Any]]:
    return [
        {name: data.get(f"{form.prefix}-{name}", "") for name in form.fields}
        for form in blocks.forms
        if data.get(f"{form.prefix}-section")
    ]


def _read(request: HttpRequest, upload: UploadForm, blocks: Any) -> Plan | None:
    """Return the plan that was sent, or None where a form says what is wrong with it."""
    if request.POST.get("by") == "upload":
        return upload.plan() if upload.is_valid() else None
    return plan_by_blocks(blocks) if blocks.is_valid() else None


def _venue_or_404(request: HttpRequest, venue_id: UUID) -> Venue:
    try:
        return managed_venue(venue_id=venue_id, user=request.user, role=Role.VIEWER)
    except VenueNotFound as error:
        raise Http404(str(error)) from None


@require_safe
@organiser_page
def sample(request: HttpRequest) -> HttpResponse:
    """Download a table of seats to begin with."""
    response = HttpResponse(SAMPLE, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="seats-sample.csv"'
    return response


@require_safe
@organiser_page
def plan(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Show a plan: its map, its seats, what is new in it, and what can be done with it."""
    return _plan_page(request, _file_or_404(request, plan_id))


def _plan_page(
    request: HttpRequest, found: PlanFile, *, form: PricesForm | None = None, status: int = 200
) -> HttpResponse:
    names = [name for name, _, _ in found.by_category]
    context = {
        "file": found,
        "plan": found.stored,
        "venue": found.stored.venue,
        "changes": may_manage(request.user, found.stored.organisation_id),
        "form": form or PricesForm(events=found.waiting, names=names),
    }
    return render(request, "sales/organise/plan.html", context, status=status)


def _file_or_404(request: HttpRequest, plan_id: UUID) -> PlanFile:
    try:
        return plan_file(plan_id=plan_id, user=request.user)
    except (PlanNotFound, PlanIncomplete) as error:
        raise Http404(str(error)) from None


@require_safe
@organiser_page
def plan_map(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Draw a plan as SVG."""
    found = _file_or_404(request, plan_id)
    return HttpResponse(draw(_chart(found.plan)), content_type="image/svg+xml")


def _chart(planned: Plan) -> Chart:
    """Return a plan as a chart, as if it were an event's."""
    categories = {
        each["name"]: PriceCategory(id=uuid4(), name=each["name"], color=each["color"])
        for each in planned.categories
    }
    rows: dict[str, dict[str, list[ChartSeat]]] = {}
    for seat in planned.seats:
        category = str(categories[seat.category].pk)
        shown = ChartSeat(seat.guid, seat.guid, seat.number, seat.x, seat.y, category)
        rows.setdefault(seat.section, {}).setdefault(seat.row, []).append(shown)
    sections = [
        ChartSection(
            name=zone["name"],
            x=zone["position"]["x"],
            y=zone["position"]["y"],
            areas=zone.get("areas") or [],
            rows=list(rows.pop(zone["name"], {}).items()),
        )
        for zone in planned.zones
    ]
    return Chart(ChartHead(Event(), list(categories.values()), ""), sections)


@require_POST
@organiser_page
def take(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Take an upload as the venue's latest plan, and lead back to it."""
    found = _file_or_404(request, plan_id)
    try:
        take_plan(plan_id=found.stored.pk, user=request.user, now=timezone.now())
    except RoleTooLow:
        raise PermissionDenied from None
    messages.success(request, "This is the venue's latest plan. Events that have seats keep them.")
    return redirect("sales:organise-plan", plan_id)


@require_POST
@organiser_page
def discard(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Throw an upload away, and lead back to the venue's plans."""
    found = _file_or_404(request, plan_id)
    try:
        discard_plan(plan_id=found.stored.pk, user=request.user)
    except RoleTooLow:
        raise PermissionDenied from None
    except PlanInUse as error:
        messages.error(request, str(error))
        return redirect("sales:organise-plan", plan_id)
    messages.info(request, "The upload was discarded.")
    return redirect("sales:organise-plans", found.stored.venue_id)


@require_POST
@organiser_page
def make(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Begin to make an event's seats of a plan, and lead to the job."""
    found = _file_or_404(request, plan_id)
    if not may_manage(request.user, found.stored.organisation_id):
        raise PermissionDenied
    names = [name for name, _, _ in found.by_category]
    form = PricesForm(request.POST, events=found.waiting, names=names)
    if not form.is_valid():
        return _plan_page(request, found, form=form, status=400)
    try:
        job = plan_to_make_seats(
            event_id=UUID(form.cleaned_data["event"]),
            plan_id=found.stored.pk,
            user=request.user,
            prices=form.prices(),
            now=timezone.now(),
        )
    except (Refused, EventNotFound) as error:
        form.add_error(None, str(error))
        return _plan_page(request, found, form=form, status=400)
    except ValueError as error:
        form.add_error(str(error), "Write the price as 45.00.")
        return _plan_page(request, found, form=form, status=400)
    set_going(job, send=bulk_job.delay)
    return redirect("sales:organise-job", job.pk)


@require_POST
@organiser_page
def move(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Write down that an event moves to this plan, and lead to the preview."""
    found = _file_or_404(request, plan_id)
    if not may_manage(request.user, found.stored.organisation_id):
        raise PermissionDenied
    chosen = next((e for e in found.others if str(e.pk) == request.POST.get("event")), None)
    if chosen is None:
        raise Http404
    try:
        job = plan_to_move(
            event_id=chosen.pk,
            plan_id=found.stored.pk,
            user=request.user,
            prices=_new_prices(request, chosen, found),
            now=timezone.now(),
        )
    except (NotReady, Refused) as error:
        messages.error(request, f"{error} Nothing was changed.")
    except ValueError:
        messages.error(request, "Write the price as 45.00. Nothing was changed.")
    else:
        return redirect("sales:organise-job", job.pk)
    return redirect("sales:organise-plan", plan_id)


def _new_prices(request: HttpRequest, chosen: Event, found: PlanFile) -> dict[str, int]:
    """Return one price for all categories that the event lacks; raises ValueError."""
    known = set(chosen.categories.values_list("name", flat=True))
    lacking = [name for name, _, _ in found.by_category if name not in known]
    if not lacking:
        return {}
    price = minor_units(request.POST.get("price", ""), chosen.currency)
    return dict.fromkeys(lacking, price)
