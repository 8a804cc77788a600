"""Money and tickets that go back: an order refunded in part or whole, or cancelled."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Role
from sales.back_office.access import events_of
from sales.cancelling import refund_order
from sales.idempotency import Keyed, RequestKey
from sales.models import Order, Ticket
from sales.views.organise.access import event_or_404, organiser_page
from sales.views.organise.acting import attempt, done
from sales.views.organise.orders import render_order
from worldseat.money import minor_units

__all__ = ["refund"]

FULL, NO_FEES, AMOUNT, NOTHING = "full", "no-fees", "amount", "nothing"


class RefundForm(forms.Form):
    """Which tickets go void, what goes back for them, and what becomes of their seats."""

    tickets = forms.ModelMultipleChoiceField(Ticket.objects.none(), required=False)
    back = forms.ChoiceField(choices=[(each, each) for each in (FULL, NO_FEES, AMOUNT, NOTHING)])
    amount = forms.CharField(max_length=20, required=False)
    seats = forms.ChoiceField(choices=[("sell", "sell"), ("block", "block")])
    reason = forms.CharField(max_length=150, required=False)

    def __init__(self, data: Any, order: Order) -> None:
        """Take the form of an order: its tickets are the choices."""
        super().__init__(data)
        self.order = order
        field: Any = self.fields["tickets"]
        field.queryset = Ticket.objects.filter(order=order)

    def clean(self) -> dict[str, Any]:
        """Read the amount in the order's currency; something has to be done."""
        cleaned = super().clean() or {}
        back, chosen = cleaned.get("back"), cleaned.get("tickets")
        cleaned["amount_minor"] = {NOTHING: 0}.get(str(back))
        if back == AMOUNT:
            try:
                amount = minor_units(cleaned.get("amount", ""), self.order.currency)
            except ValueError:
                raise forms.ValidationError("Write the amount as 12.50.") from None
            if amount < 0:
                raise forms.ValidationError("An amount that goes back is not negative.")
            cleaned["amount_minor"] = amount
        if not chosen and not (back == AMOUNT and cleaned["amount_minor"]):
            raise forms.ValidationError("Choose tickets, or an amount of money.")
        return cleaned


@require_POST
@organiser_page
def refund(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Void tickets of an order and give money back, or money alone."""
    order = Order.objects.filter(event__in=events_of(request.user), pk=order_id).first()
    if order is None:
        raise Http404("There is no such order.")
    event_or_404(request, order.event_id, role=Role.BOX_OFFICE)
    form = RefundForm(request.POST, order)
    if not form.is_valid():
        said = " ".join(str(error) for errors in form.errors.values() for error in errors)
        problem = f"{said} Nothing was changed."
        return render_order(request, order_id, problem=problem, status=HTTPStatus.BAD_REQUEST)
    refusal = attempt(request, lambda key: _refund(request, order_id, form.cleaned_data, key))
    if refusal:
        return render_order(request, order_id, problem=refusal.text, status=refusal.status)
    messages.success(request, "Done: see what went back below.")
    return redirect("sales:organise-order", order_id)


def _refund(request: HttpRequest, order_id: UUID, given: dict[str, Any], key: RequestKey) -> Any:
    chosen = [ticket.pk for ticket in given["tickets"]]
    return refund_order(
        order_id=order_id,
        user=request.user,
        now=timezone.now(),
        keyed=Keyed(key, render=done),
        ticket_ids=chosen or None,
        amount_minor=given["amount_minor"],
        keep_fees=given["back"] == NO_FEES,
        reason=given["reason"],
        release=given["seats"] == "sell",
    )
