"""The seats of an event: selected on the map, by a filter or by a list, and changed together."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from sales.models import Event, SeatStatus
from sales.organising.categories import BadCategory, CategoryLine, add_category, category_lines
from sales.organising.finding_seats import accessible_seats, find_seats, recent_jobs
from sales.organising.operations import Operation, OperationKind
from sales.organising.seat_jobs import BadOperation, NothingSelected, plan_seat_job
from sales.organising.selection import BadFilter, SeatFilter, Selection
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.views.seat_maps import version_of
from worldseat.money import minor_units

__all__ = ["find", "new_category", "preview", "seats"]

_UUID_HEX = re.compile(r"[0-9a-f]{32}")


class FilterForm(forms.Form):
    """Seats by what they are."""

    section = forms.CharField(required=False, max_length=200)
    rows = forms.CharField(required=False, max_length=500, help_text="A-H, or A,C,M-P")
    numbers = forms.CharField(required=False, max_length=500, help_text="1-20, or 1-4,17-20")
    parity = forms.ChoiceField(
        required=False,
        choices=[("", "Odd and even"), ("odd", "Odd numbers"), ("even", "Even numbers")],
        label="Odd or even",
    )
    of_category = forms.MultipleChoiceField(
        required=False, label="Category", widget=forms.CheckboxSelectMultiple
    )
    status = forms.MultipleChoiceField(
        required=False, choices=SeatStatus.choices, widget=forms.CheckboxSelectMultiple
    )
    labels = forms.CharField(
        required=False,
        max_length=200_000,
        label="List of seats",
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "A-1, A-3..A-10, Balcony: B-2"}),
    )

    def __init__(self, *args: Any, categories: list[CategoryLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["of_category"].choices = [  # type: ignore[attr-defined] # a choice field
            (str(line.category.pk), line.category.name) for line in categories
        ]

    def selection(self) -> Selection:
        """Return what is asked for; without any field of the filter, the list alone."""
        given = self.cleaned_data
        asked = SeatFilter(
            section=given["section"],
            rows=given["rows"],
            numbers=given["numbers"],
            parity=given["parity"],
            categories=tuple(UUID(each) for each in given["of_category"]),
            statuses=tuple(given["status"]),
        )
        return Selection(filter=None if asked == SeatFilter() else asked, labels=given["labels"])


class OperationForm(forms.Form):
    """What is done to the seats."""

    kind = forms.ChoiceField(choices=OperationKind.choices, label="Change")
    category = forms.ChoiceField(required=False, label="Category")
    reason = forms.CharField(
        required=False, max_length=200, label="Reason", help_text="Of blocking: camera, sightline …"
    )
    email = forms.EmailField(
        required=False, label="E-mail", help_text="Who gets the tickets that are given away."
    )
    price = forms.CharField(
        required=False, max_length=20, label="New price", help_text="Of the category, such as 45.00"
    )
    ids = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, event: Event, categories: list[CategoryLine], **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.currency = event.currency
        self.fields["category"].choices = [  # type: ignore[attr-defined] # a choice field
            ("", "Choose"),
            *((str(line.category.pk), line.category.name) for line in categories),
        ]

    def clean_ids(self) -> list[UUID]:
        """Return the ids from the map: 32 hexadecimal digits each, run together."""
        text = self.cleaned_data["ids"]
        return [UUID(each) for each in _UUID_HEX.findall(text)]

    def clean_price(self) -> int:
        """Return the price in minor units."""
        text = self.cleaned_data["price"]
        if self.data.get("kind") != OperationKind.REPRICE:
            return 0
        try:
            return minor_units(text, self.currency)
        except ValueError:
            raise forms.ValidationError("Write the price as 45.00.") from None

    def operation(self) -> Operation:
        """Return what is asked for."""
        given = self.cleaned_data
        return Operation(
            kind=given["kind"],
            category=given["category"],
            reason=given["reason"].strip(),
            price_minor=given["price"],
            email=given["email"].strip(),
        )


@require_safe
@organiser_page
def seats(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show an event's seats on the map, with the tools to select and change them."""
    event = event_or_404(request, event_id)
    return _page(request, event)


def _page(
    request: HttpRequest,
    event: Event,
    *,
    find_form: FilterForm | None = None,
    form: OperationForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    lines = category_lines(event_id=event.pk, user=request.user, now=now)
    context = {
        "event": event,
        "categories": lines,
        "totals": _totals(lines),
        "map_version": version_of(event, [line.category for line in lines]),
        "accessible": accessible_seats(event_id=event.pk, user=request.user),
        "find_form": find_form or FilterForm(categories=lines),
        "form": form or OperationForm(event=event, categories=lines),
        "jobs": recent_jobs(event_id=event.pk, user=request.user),
        "changes": has_role(request, event, Role.MANAGER),
        "problem": problem,
    }
    return render(request, "sales/organise/seats.html", context, status=status)


def _totals(lines: list[CategoryLine]) -> dict[str, int]:
    names = ("available", "held", "sold", "blocked", "seats")
    return {name: sum(getattr(line, name) for line in lines) for name in names}


@require_POST
@organiser_page
def find(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Tell which seats a filter or a list means, as JSON, for the map."""
    event = event_or_404(request, event_id)
    lines = category_lines(event_id=event_id, user=request.user, now=timezone.now())
    form = FilterForm(request.POST, categories=lines)
    try:
        if not form.is_valid():
            return JsonResponse({"problem": _first_error(form)}, status=400)
        now = timezone.now()
        found = find_seats(
            event_id=event.pk, user=request.user, selection=form.selection(), now=now
        )
    except BadFilter as error:
        return JsonResponse({"problem": str(error)}, status=400)
    return JsonResponse({"ids": [str(pk) for pk in found.ids], "unknown": found.unknown})


def _first_error(form: forms.Form) -> str:
    name, errors = next(iter(form.errors.items()))
    return f"{form.fields[name].label or name}: {errors[0]}"


@require_POST
@organiser_page
def preview(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Write down what is to be done to which seats, and lead to its preview."""
    event = event_or_404(request, event_id, role=Role.MANAGER)
    now = timezone.now()
    lines = category_lines(event_id=event_id, user=request.user, now=now)
    find_form = FilterForm(request.POST, categories=lines)
    form = OperationForm(request.POST, event=event, categories=lines)
    if not (form.is_valid() and find_form.is_valid()):
        return _page(request, event, find_form=find_form, form=form, status=400)
    try:
        job = _plan(request, event, form, find_form, now)
    except (BadOperation, BadFilter) as error:
        owner = form if error.field in form.fields else find_form
        if error.field == "price_minor":
            owner, error.field = form, "price"
        owner.add_error(error.field, str(error))
        return _page(request, event, find_form=find_form, form=form, status=400)
    except NothingSelected as error:
        return _page(request, event, find_form=find_form, form=form, problem=str(error), status=400)
    return redirect("sales:organise-job", job.pk)


def _plan(
    request: HttpRequest, event: Event, form: OperationForm, find_form: FilterForm, now: datetime
) -> Any:
    """Plan it for the seats chosen on the map; without any, for those of the filter and list."""
    ids = form.cleaned_data["ids"]
    return plan_seat_job(
        event_id=event.pk,
        user=request.user,
        operation=form.operation(),
        selection=Selection(ids=ids) if ids else find_form.selection(),
        now=now,
    )


@require_POST
@organiser_page
def new_category(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Add a price category, and lead back to the seats."""
    event = event_or_404(request, event_id, role=Role.MANAGER)
    try:
        added = add_category(
            event_id=event.pk,
            user=request.user,
            name=request.POST.get("name", ""),
            price_minor=minor_units(request.POST.get("price", ""), event.currency),
            color=request.POST.get("color", "#577590"),
            now=timezone.now(),
        )
    except BadCategory as error:
        messages.error(request, f"{error} Nothing was changed.")
    except ValueError:
        messages.error(request, "Write the price as 45.00. Nothing was changed.")
    else:
        messages.success(request, f"Category {added.name} was added; no seat has it yet.")
    return redirect("sales:organise-seats", event.pk)
