"""The e-mail of an order, sent again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from sales.back_office.resending import send_again
from sales.idempotency import Keyed
from sales.views.organise.access import organiser_page
from sales.views.organise.acting import attempt, done
from sales.views.organise.orders import render_order

__all__ = ["resend"]


@require_POST
@organiser_page
def resend(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Send the confirmation with the tickets again."""
    refusal = attempt(
        request,
        lambda key: send_again(
            order_id=order_id,
            user=request.user,
            now=timezone.now(),
            keyed=Keyed(key, render=done),
        ),
    )
    if refusal:
        return render_order(request, order_id, problem=refusal.text, status=refusal.status)
    messages.success(request, "The e-mail is on its way again.")
    return redirect("sales:organise-order", order_id)
