"""Presale codes of an event: made in bulk, looked through, withdrawn, taken away as a file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Role
from accounts.tenancy import as_uuid
from sales.back_office.files import as_csv
from sales.models import Event, PriceCategory
from sales.organising.presale_codes import (
    COLUMNS,
    MOST_AT_ONCE,
    BadCodes,
    CodeRules,
    code_page,
    code_rows,
    make_codes,
    open_by_code,
    withdraw_codes,
)
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.views.organise.acting import Refusal, attempt
from sales.views.organise.event_forms import InstantField, put_times_at

__all__ = ["categories", "codes", "codes_csv", "withdraw"]


class CodesForm(forms.Form):
    """New codes: how many, and what each of them is good for."""

    text = forms.CharField(
        max_length=30,
        required=False,
        label="Code, or how codes begin",
        help_text="One code: this is the code. Several: each begins so and ends at random.",
        widget=forms.TextInput(attrs={"placeholder": "FANCLUB-", "autocapitalize": "characters"}),
    )
    number = forms.IntegerField(
        min_value=1, max_value=MOST_AT_ONCE, initial=1, label="How many codes"
    )
    cap = forms.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        label="Tickets under each",
        help_text="Empty: any number.",
    )
    category = forms.ModelChoiceField(
        PriceCategory.objects.none(), required=False, empty_label="All that sell", label="Good for"
    )
    valid_from = InstantField(label="Valid from")
    valid_until = InstantField(label="Valid until")

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        now = timezone.now().replace(second=0, microsecond=0)
        times = {"valid_from": now, "valid_until": event.off_sale_at}
        kwargs.setdefault("initial", times)
        super().__init__(*args, **kwargs)
        put_times_at(self, event.venue)
        choices = event.categories.order_by("position", "name")
        self.fields["category"].queryset = choices  # type: ignore[attr-defined] # a choice field

    def rules(self) -> CodeRules:
        """Return what each code is good for."""
        given = self.cleaned_data
        category = given["category"]
        return CodeRules(
            valid_from=given["valid_from"],
            valid_until=given["valid_until"],
            cap=given["cap"],
            category_id=category and category.pk,
        )


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def codes(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List the codes of an event; managers make more."""
    if request.method != "POST":
        event = event_or_404(request, event_id, role=Role.BOX_OFFICE)
        return _page(request, event, CodesForm(event=event))
    event = event_or_404(request, event_id, role=Role.MANAGER)
    form = CodesForm(request.POST, event=event)
    refusal = _make(request, event, form) if form.is_valid() else None
    if refusal:
        form.add_error(None, refusal.text)
    if form.errors:
        return _page(request, event, form, status=refusal.status if refusal else 400)
    number = form.cleaned_data["number"]
    messages.success(request, f"{number:,} code{'' if number == 1 else 's'} made.")
    return redirect("sales:organise-codes", event.pk)


def _make(request: HttpRequest, event: Event, form: CodesForm) -> Refusal | None:
    try:
        return attempt(
            request,
            lambda key: make_codes(
                event_id=event.pk,
                user=request.user,
                text=form.cleaned_data["text"],
                number=form.cleaned_data["number"],
                rules=form.rules(),
                now=timezone.now(),
                request=key,
            ),
        )
    except BadCodes as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return None


@require_POST
@organiser_page
def withdraw(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Withdraw the codes that are ticked, or let them be good again."""
    event = event_or_404(request, event_id, role=Role.MANAGER)
    withdrawn = request.POST.get("do") != "renew"
    chosen = [pk for text in request.POST.getlist("code") if (pk := as_uuid(text))]
    changed = withdraw_codes(
        event_id=event.pk,
        user=request.user,
        code_ids=chosen,
        withdrawn=withdrawn,
        now=timezone.now(),
    )
    named = f"{changed} code{'' if changed == 1 else 's'}"
    if not changed:
        messages.warning(request, "Nothing was changed: tick codes first.")
    elif withdrawn:
        messages.success(request, f"{named} withdrawn. What is held under them can be paid.")
    else:
        messages.success(request, f"{named} good again.")
    return redirect("sales:organise-codes", event.pk)


@require_POST
@organiser_page
def categories(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Sell the ticked categories under a code only."""
    event = event_or_404(request, event_id, role=Role.MANAGER)
    chosen = [pk for text in request.POST.getlist("category") if (pk := as_uuid(text))]
    changed = open_by_code(
        event_id=event.pk, user=request.user, category_ids=chosen, now=timezone.now()
    )
    if changed:
        messages.success(request, "Saved. It counts from the next hold or sale on.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("sales:organise-codes", event.pk)


@require_safe
@organiser_page
def codes_csv(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """Answer with all codes of an event and what went under them, as CSV."""
    event = event_or_404(request, event_id, role=Role.BOX_OFFICE)
    rows = code_rows(event_id=event.pk, user=request.user, now=timezone.now())
    return StreamingHttpResponse(
        as_csv(COLUMNS, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{event.slug}-codes.csv"'},
    )


def _page(
    request: HttpRequest, event: Event, form: CodesForm, status: int = HTTPStatus.OK
) -> HttpResponse:
    now, words = timezone.now(), request.GET.get("q", "").replace("\0", "")[:40]
    after = request.GET.get("after", "").replace("\0", "")[:40]
    context = {
        "event": event,
        "form": form,
        "key": uuid4().hex,
        "page": code_page(event_id=event.pk, user=request.user, now=now, words=words, after=after),
        "words": words,
        "after": after,
        "query": urlencode({"q": words}) if words else "",
        "categories": event.categories.order_by("position", "name"),
        "changes": has_role(request, event, Role.MANAGER),
        "now": now,
    }
    return render(request, "sales/organise/codes.html", context, status=status)
