"""A fan's own orders and tickets."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from sales.models import Order

__all__ = ["order", "orders"]

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
    response = render(request, "sales/order.html", {"order": get_object_or_404(own, pk=order_id)})
    add_never_cache_headers(response)
    return response
