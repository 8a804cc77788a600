"""One ticket of an order: a new printing of it, or another seat for it."""

from __future__ import annotations

from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Role
from sales.back_office.access import events_of
from sales.exchanges import exchange as exchange_ticket
from sales.idempotency import Keyed
from sales.models import PriceType, Ticket
from sales.tickets import reissue_once
from sales.views.events import seat_choice
from sales.views.organise.access import event_or_404, organiser_page
from sales.views.organise.acting import attempt, done
from sales.views.organise.orders import render_order

__all__ = ["exchange", "reissue"]


def _ticket(request: HttpRequest, ticket_id: UUID) -> Ticket:
    """Return a ticket of the visitor's organisation, for who works in its box office."""
    tickets = Ticket.objects.select_related("order", "seat__category", "fan")
    ticket = tickets.filter(pk=ticket_id, event__in=events_of(request.user)).first()
    if ticket is None:
        raise Http404("There is no such ticket.")
    ticket.event = event_or_404(request, ticket.event_id, role=Role.BOX_OFFICE)
    return ticket


@require_POST
@organiser_page
def reissue(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """Give a ticket a new code; the old one admits no more."""
    ticket = _ticket(request, ticket_id)
    refusal = attempt(
        request,
        lambda key: reissue_once(
            ticket_id=ticket_id,
            user=request.user,
            now=timezone.now(),
            keyed=Keyed(key, render=done),
        ),
    )
    if refusal:
        return render_order(request, ticket.order_id, problem=refusal.text, status=refusal.status)
    messages.success(request, f"{ticket.seat} has a new code. The old one lets nobody in any more.")
    return redirect("sales:organise-order", ticket.order_id)


class ExchangeForm(forms.Form):
    """The new seat, and what it is sold for: without a price type, as the old one if it can be."""

    seat = forms.UUIDField()
    price_type = forms.UUIDField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def exchange(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """Offer the free seats; with one chosen, exchange the ticket for it."""
    ticket = _ticket(request, ticket_id)
    if request.method != "POST":
        return _render(request, ticket)
    form = ExchangeForm(request.POST)
    if not form.is_valid():
        return _render(request, ticket, "Choose a seat first. Nothing was changed.", 400)
    wanted = form.cleaned_data
    refusal = attempt(
        request,
        lambda key: exchange_ticket(
            ticket_id=ticket_id,
            seat_id=wanted["seat"],
            user=request.user,
            now=timezone.now(),
            keyed=Keyed(key, render=done),
            price_type_id=wanted["price_type"],
            at_box_office=True,
        ),
    )
    if refusal:
        return _render(request, ticket, refusal.text, refusal.status)
    messages.success(request, f"{ticket.seat} was exchanged: the new ticket is below.")
    return redirect("sales:organise-order", ticket.order_id)


def _render(
    request: HttpRequest, ticket: Ticket, problem: str = "", status: int = 200
) -> HttpResponse:
    types = PriceType.objects.filter(category__event=ticket.event).select_related("category")
    context = {
        **seat_choice(request, ticket.event),
        "ticket": ticket,
        "event": ticket.event,
        "price_types": types.order_by("category__position", "position", "name"),
        "problem": problem,
        "key": uuid4().hex,
    }
    return render(request, "sales/organise/exchange.html", context, status=status)
