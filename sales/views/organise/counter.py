"""The box office's counter: choose seats on the map or the best available, and sell them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role
from sales.back_office.counter import MOST_SEATS, Customer, sell_at_counter
from sales.back_office.order_file import order_file
from sales.best_available.suggesting import suggest_seats
from sales.cancelling import OrderNotFound
from sales.holds import Wanted
from sales.idempotency import Answer, Keyed, RequestKey
from sales.models import CounterPayment, Event, Order, PriceCategory, PriceType, Seat
from sales.pricing import price_of
from sales.printing import tickets_pdf
from sales.views.events import seat_choice
from sales.views.organise.access import event_or_404, has_role, organiser_page
from sales.views.organise.acting import attempt
from worldseat.money import format_money

__all__ = ["counter", "order_pdf"]


class SaleForm(forms.Form):
    """Who buys and how it is paid; the seats are read beside it."""

    paid_by = forms.ChoiceField(choices=CounterPayment.choices)
    name = forms.CharField(max_length=200, required=False)
    email = forms.EmailField(required=False)


class BestForm(forms.Form):
    """How many of the best seats, and of which category."""

    best = forms.IntegerField(min_value=1, max_value=MOST_SEATS)
    category = forms.UUIDField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@organiser_page
def counter(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Offer the seats; sell those that were chosen, or say why not, and nothing has changed."""
    event = event_or_404(request, event_id, role=Role.BOX_OFFICE)
    if request.method != "POST":
        return _offer(request, event, _asked(request, event))
    form, wanted = SaleForm(request.POST), _wanted(request)
    chosen = [each.seat_id for each in wanted]
    if not form.is_valid() or not 0 < len(wanted) <= MOST_SEATS:
        text = "The e-mail address is none." if "email" in form.errors else "Choose seats first."
        problem = f"{text} Nothing was sold."
        return _offer(request, event, chosen, problem, HTTPStatus.BAD_REQUEST)
    sold: list[Any] = []
    refusal = attempt(
        request, lambda key: sold.append(_sell(request, event, wanted, form.cleaned_data, key))
    )
    if refusal:
        text = refusal.text.replace("Nothing was changed", "Nothing was sold")
        return _offer(request, event, chosen, text, refusal.status)
    (done,) = sold
    body = done.body if isinstance(done, Answer) else _answer(done).body
    is_gift = form.cleaned_data["paid_by"] == CounterPayment.COMP
    told = "Given away" if is_gift else f"Sold. Take {body['total']}"
    messages.success(request, f"{told}, and print the tickets.")
    return redirect("sales:organise-order", body["order"])


def _sell(
    request: HttpRequest,
    event: Event,
    wanted: Sequence[Wanted],
    given: dict[str, Any],
    key: RequestKey,
) -> Order | Answer:
    return sell_at_counter(
        event_id=event.pk,
        wanted=wanted,
        clerk=request.user,
        paid_by=CounterPayment(given["paid_by"]),
        customer=Customer(given["name"], given["email"]),
        region=settings.REGION,
        now=timezone.now(),
        keyed=Keyed(key, render=_answer),
    )


def _answer(order: Order) -> Answer:
    total = format_money(order.total_minor, order.currency)
    return Answer(HTTPStatus.FOUND, {"order": str(order.pk), "total": total})


def _wanted(request: HttpRequest) -> list[Wanted]:
    """Read the chosen seats, each once, with their price types (`type-<seat>`)."""
    seats = [_uuid(text) for text in dict.fromkeys(request.POST.getlist("seat"))]
    return [Wanted(seat, _uuid(request.POST.get(f"type-{seat}", ""))) for seat in seats if seat]


def _asked(request: HttpRequest, event: Event) -> list[UUID]:
    """Return the seats of a link: those named, those added, or the best available."""
    form = BestForm(request.GET)
    if form.is_valid():
        wish = form.cleaned_data
        best = suggest_seats(
            event_id=event.pk,
            quantity=wish["best"],
            category_id=wish["category"],
            now=timezone.now(),
        )
        if not best:
            messages.error(request, "There are not as many such seats left.")
        return best
    named = [_uuid(text) for text in request.GET.getlist("seat")[:MOST_SEATS]]
    return [each for each in named if each]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _offer(
    request: HttpRequest,
    event: Event,
    chosen: Sequence[UUID],
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    now = timezone.now()
    seats = Seat.objects.filter(event=event, pk__in=chosen).select_related("category").in_order()
    free = [seat for seat in seats if seat.is_free(now)]
    prices = _prices(event)
    context = {
        **seat_choice(request, event),
        "event": event,
        "lines": [(seat, prices[str(seat.category_id)]["types"]) for seat in free],
        "prices": prices,
        "payments": CounterPayment.choices,
        "given": request.POST,
        "best": request.GET.get("best", "2"),
        "problem": problem,
        "key": uuid4().hex,
    }
    return render(request, "sales/organise/counter.html", context, status=status)


def _prices(event: Event) -> dict[str, Any]:
    """Return what a seat of each category may be sold for, as the page's script needs it."""
    categories = PriceCategory.objects.filter(event=event).prefetch_related("price_types")
    return {
        str(category.pk): {
            "name": category.name,
            "types": [
                _priced(event, category, each)
                for each in (None, *sorted(category.price_types.all(), key=lambda t: t.position))
            ],
        }
        for category in categories
    }


def _priced(event: Event, category: PriceCategory, price_type: PriceType | None) -> dict[str, Any]:
    minor = price_of(event, category, price_type).total_minor
    name = price_type.name if price_type else "Full price"
    label = f"{name}, {format_money(minor, event.currency)}"
    return {"id": str(price_type.pk) if price_type else "", "label": label, "minor": minor}


@require_safe
@organiser_page
def order_pdf(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Return the valid tickets of an order as one PDF, a page each."""
    try:
        file = order_file(order_id=order_id, user=request.user)
    except OrderNotFound as error:
        raise Http404(str(error)) from None
    if not has_role(request, file.order.event, Role.BOX_OFFICE) or not file.valid:
        raise Http404("There are no tickets to print.")
    for ticket in file.valid:
        ticket.order, ticket.event = file.order, file.order.event
    name = f'inline; filename="tickets-{file.order.reference}.pdf"'
    pdf = tickets_pdf(file.valid)
    return HttpResponse(pdf, content_type="application/pdf", headers={"Content-Disposition": name})
