"""A fan's own orders and tickets."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST, require_safe

from sales.cancelling import OrderNotFound, OrderNotPaid, TooLate, cancel_order, may_cancel
from sales.models import Order
from sales.tickets import TicketUsed
from worldseat.money import format_money

__all__ = ["cancel", "order", "orders"]

_A_PAGE = 20


@require_safe
@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """List the fan's orders, the newest first."""
    own = Order.objects.of(request.user).with_tickets().select_related("event__venue")
    page = Paginator(own.order_by("-created_at", "pk"), _A_PAGE).get_page(request.GET.get("page"))
    response = render(request, "sales/order_list.html", {"page": page})
    add_never_cache_headers(response)
    return response


@require_safe
@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Show an order of the fan's with its tickets; another's is not found."""
    own = Order.objects.of(request.user).with_tickets().select_related("event__venue")
    found = get_object_or_404(own, pk=order_id)
    context = {"order": found, "may_cancel": may_cancel(found, now=timezone.now())}
    response = render(request, "sales/order.html", context)
    add_never_cache_headers(response)
    return response


@require_POST
@login_required
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Cancel an order of the fan's, in the event's time for it; sent twice it is cancelled once."""
    try:
        done = cancel_order(order_id=order_id, user=request.user, now=timezone.now())
    except OrderNotFound:
        raise Http404("You have no such order.") from None
    except (OrderNotPaid, TooLate, TicketUsed) as refusal:
        messages.error(request, f"{refusal} Nothing was changed.")
    else:
        back = format_money(done.refunded_minor, done.currency)
        messages.success(request, f"The order is cancelled. {back} goes back to you.")
    return redirect("sales:order", order_id)
