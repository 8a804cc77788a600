"""Orders for organisers: find one, and read all there is to know of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Role
from sales.back_office.finding import Sought, find_orders
from sales.back_office.order_file import order_file
from sales.cancelling import OrderNotFound
from sales.models import Event, OrderState
from sales.ticket_codes import LONGEST_CODE
from sales.views.organise.access import event_or_404, has_role, organiser_page

__all__ = ["order", "orders", "render_order"]


class SearchForm(forms.Form):
    """What an order is looked for by."""

    q = forms.CharField(max_length=LONGEST_CODE, required=False)
    event = forms.UUIDField(required=False)
    state = forms.ChoiceField(choices=[("", "Any state"), *OrderState.choices], required=False)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)


@require_safe
@organiser_page
def orders(request: HttpRequest) -> HttpResponse:
    """List the orders of the visitor's organisations, the newest first, or those looked for."""
    form = SearchForm(request.GET)
    given = form.cleaned_data if form.is_valid() else {}
    event = event_or_404(request, given["event"]) if given.get("event") else None
    after = request.GET.get("after", "")
    page = find_orders(user=request.user, sought=_sought(given), after=after)
    context = {
        "event": event,
        "page": page,
        "after": after,
        "form": form,
        "given": given,
        "states": SearchForm.base_fields["state"].choices,  # type: ignore[attr-defined] # a choice
        "query": _query(given),
    }
    return render(request, "sales/organise/orders.html", context)


def _sought(given: dict[str, Any]) -> Sought:
    until: date | None = given.get("until")
    return Sought(
        words=given.get("q", "").replace("\0", "").strip(),
        event_id=given.get("event"),
        state=given.get("state", ""),
        since=_midnight(given.get("since")),
        # The day that is named belongs to it.
        until=_midnight(until + timedelta(days=1)) if until and until < date.max else None,
    )


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=UTC) if day else None


def _query(given: dict[str, Any]) -> str:
    """Return the search as a query string, for the next page."""
    return urlencode({name: value for name, value in given.items() if value})


@require_safe
@organiser_page
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Show the file of an order: what was sold, paid, given back, scanned and changed."""
    return render_order(request, order_id)


def render_order(
    request: HttpRequest, order_id: UUID, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """Draw the page of an order, with a problem if there is one; raises Http404."""
    try:
        found = order_file(order_id=order_id, user=request.user)
    except OrderNotFound as error:
        raise Http404(str(error)) from None
    event: Event = found.order.event
    context = {
        "file": found,
        "order": found.order,
        "event": event,
        "acts": has_role(request, event, Role.BOX_OFFICE),
        "problem": problem,
        # Each page has its own: a form sent twice does it once.
        "key": uuid4().hex,
    }
    return render(request, "sales/organise/order.html", context, status=status)
