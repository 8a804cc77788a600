"""Buying a seat: one form, one domain call."""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.validators import RegexValidator
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.guest_pages import fan_of
from accounts.models import GuestUser, User
from sales import purchases
from sales.codes import CodeExhausted, CodeRequired
from sales.events import NotOnSale
from sales.idempotency import Answer, Keyed, KeyReused, RequestKey, fingerprint
from sales.limits import LimitReached
from sales.models import Order
from sales.seats import SeatTaken, UnknownSeat
from sales.views.events import render_event
from sales.views.queue_cookies import pass_of
from sales.waiting_room.tokens import QueuePassRequired
from worldseat.dsql.occ import OutcomeUnknown, is_conflict, is_connection_lost

__all__ = ["FORM_KEY", "REFUSALS", "explain", "purchase"]

# What makes a form that is sent twice do its work once.
FORM_KEY = RegexValidator(re.compile(r"\A[0-9a-f]{32}\Z"))


class PurchaseForm(forms.Form):
    """Which seat, under which code, and the key that makes the form sent twice sell once."""

    seat = forms.UUIDField()
    code = forms.CharField(required=False)
    key = forms.CharField(validators=[FORM_KEY])


@require_POST
def purchase(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Sell one seat, and lead to the order; or say why not, and nothing has changed."""
    form = PurchaseForm(request.POST)
    if not form.is_valid():
        problem = "Choose a seat first. Nothing was sold."
        return render_event(request, event_id, problem=problem, status=HTTPStatus.BAD_REQUEST)
    seat_id, key, code = (form.cleaned_data[name] for name in ("seat", "key", "code"))
    buyer = fan_of(request)
    if buyer is None:
        chosen = {"seat": seat_id} | ({"code": code} if code else {})
        back = reverse("sales:event", args=[event_id]) + "?" + urlencode(chosen)
        messages.info(
            request, "Log in, register or go on as a guest to buy the seat. Nothing was sold yet."
        )
        return redirect_to_login(back)
    try:
        sold = purchases.purchase(
            event_id=event_id,
            seat_id=seat_id,
            fan_id=buyer.pk,
            code=code,
            region=settings.REGION,
            now=timezone.now(),
            queue_pass=pass_of(request, event_id),
            keyed=Keyed(_request_key(request, buyer, seat_id, key, code), render=_answer),
        )
    except REFUSALS as refusal:
        return _refuse(request, event_id, refusal, form)
    except OutcomeUnknown:
        return _give_up(request, form, unknown=True)
    except Error as error:
        if not (is_conflict(error) or is_connection_lost(error)):
            raise
        return _give_up(request, form, unknown=False)
    order_id = sold.body["order"] if isinstance(sold, Answer) else sold.pk
    if isinstance(buyer, GuestUser):
        messages.success(request, f"The seat is yours. The ticket is sent to {buyer.email}.")
        return redirect("sales:event", event_id)
    messages.success(request, "The seat is yours.")
    return redirect("sales:order", order_id)


REFUSALS = (
    UnknownSeat,
    SeatTaken,
    LimitReached,
    CodeRequired,
    CodeExhausted,
    NotOnSale,
    KeyReused,
    QueuePassRequired,
)


def _request_key(request: HttpRequest, fan: User, seat_id: UUID, key: str, code: str) -> RequestKey:
    """Return the form's key, one for each seat: the page may be used again after going back."""
    body = {"seat": str(seat_id), "code": code}
    digest = fingerprint(method="POST", path=request.path, body=body)
    return RequestKey(fan_id=fan.pk, key=f"page:{key}:{seat_id}", fingerprint=digest)


def _answer(order: Order) -> Answer:
    return Answer(status=HTTPStatus.FOUND, body={"order": str(order.pk)})


def _refuse(
    request: HttpRequest, event_id: UUID, refusal: Exception, form: PurchaseForm
) -> HttpResponse:
    problem, status = explain(refusal)
    return render_event(
        request,
        event_id,
        # A wrong code costs no seat: it stays chosen, to be tried with another one.
        seat_id=form.cleaned_data["seat"]
        if isinstance(refusal, CodeRequired | CodeExhausted)
        else None,
        code=form.cleaned_data["code"],
        problem=f"{problem} Nothing was sold.",
        status=status,
    )


def explain(refusal: Exception) -> tuple[str, HTTPStatus]:
    """Say what a refusal means for a fan, and its HTTP status."""
    if isinstance(refusal, SeatTaken):
        seat = refusal.seats[0]
        text = f"Somebody was faster: {seat.section}, row {seat.row}, seat {seat.number} is taken."
        return text, HTTPStatus.CONFLICT
    if isinstance(refusal, LimitReached):
        tickets = "ticket" if refusal.limit == 1 else "tickets"
        return f"You may have {refusal.limit} {tickets} of this event.", HTTPStatus.FORBIDDEN
    if isinstance(refusal, CodeRequired | CodeExhausted):
        return str(refusal), HTTPStatus.FORBIDDEN
    if isinstance(refusal, NotOnSale):
        return refusal.reason, HTTPStatus.CONFLICT
    if isinstance(refusal, KeyReused):
        return "This form was used before. Choose the seat again.", HTTPStatus.CONFLICT
    if isinstance(refusal, QueuePassRequired):
        return "Buying takes a pass from the waiting room, which is on.", HTTPStatus.FORBIDDEN
    return "The event has no such seat.", HTTPStatus.NOT_FOUND


def _give_up(request: HttpRequest, form: PurchaseForm, *, unknown: bool) -> HttpResponse:
    """Say honestly that the sale did not happen, or that nobody knows; offer the same form."""
    # Without the user, whose organisation the page would ask the database for.
    context = {"user": None, "unknown": unknown, "again": form.cleaned_data, "path": request.path}
    response = render(request, "503.html", context, status=HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = "2"
    return response
