"""Several seats at once: the best that are left are held, looked at, and paid or given back."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST, require_safe

from accounts.guest_pages import fan_of
from accounts.models import GuestUser, User
from sales.best_available.holding import BestHold, NoSeatsLeft, Wish, hold_best_available
from sales.events import NotOnSale
from sales.holds import HoldExpired, HoldNotFound, find_hold, release_hold
from sales.idempotency import Answer, Keyed, RequestKey, fingerprint
from sales.models import Hold, HoldState, OrderState, PaymentState
from sales.orders import HoldBeingPaid, PaymentUnsettled, pay_for_hold
from sales.payments import UnknownProvider
from sales.settlement import Settled
from sales.views.events import PROVIDER, render_event
from sales.views.purchases import FORM_KEY, REFUSALS, explain
from sales.views.queue_cookies import pass_of
from worldseat.dsql.occ import is_conflict, is_connection_lost

__all__ = ["hold", "hold_best", "pay", "release"]

# The cards of PROVIDER.
_CARDS = [("tok_ok", "A test card that pays"), ("tok_refused", "A test card without money")]


class BestForm(forms.Form):
    """How many of the best seats, of which category, under which code."""

    quantity = forms.IntegerField(min_value=1, max_value=100)
    category = forms.UUIDField(required=False)
    code = forms.CharField(required=False, max_length=40)
    key = forms.CharField(validators=[FORM_KEY])


class PayForm(forms.Form):
    """The card, and the key that makes the form sent twice pay once."""

    card = forms.ChoiceField(choices=_CARDS)
    key = forms.CharField(validators=[FORM_KEY])


def _buyer(request: HttpRequest) -> User | GuestUser:
    """Return who holds seats in this browser; raises Http404 for nobody."""
    if (buyer := fan_of(request)) is None:
        raise Http404("You hold no seats here.")
    return buyer


@require_POST
def hold_best(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Hold the best seats that are left, and lead to them; or say why not."""
    form = BestForm(request.POST)
    if not form.is_valid():
        problem = "Say how many seats you want. Nothing was held."
        return render_event(request, event_id, problem=problem, status=HTTPStatus.BAD_REQUEST)
    buyer, wish = fan_of(request), form.cleaned_data
    if buyer is None:
        told = "Log in, register or go on as a guest, then choose again. Nothing is held yet."
        messages.info(request, told)
        asked = {"code": wish["code"]} if wish["code"] else {}
        back = reverse("sales:event", args=[event_id])
        return redirect_to_login(f"{back}?{urlencode(asked)}" if asked else back)
    body = {name: str(wish[name] or "") for name in ("quantity", "category", "code")}
    digest = fingerprint(method="POST", path=request.path, body=body)
    # What is wanted is in the key: the page may be used again after going back.
    key = RequestKey(fan_id=buyer.pk, key=f"best:{wish['key']}:{digest[:16]}", fingerprint=digest)
    try:
        held = hold_best_available(
            event_id=event_id,
            wish=Wish(quantity=wish["quantity"], category_id=wish["category"]),
            fan_id=buyer.pk,
            region=settings.REGION,
            now=timezone.now(),
            code=wish["code"],
            queue_pass=pass_of(request, event_id),
            keyed=Keyed(key, render=_held),
        )
    except NoSeatsLeft as refusal:
        problem = f"{refusal} Nothing was held."
        return render_event(request, event_id, problem=problem, status=HTTPStatus.CONFLICT)
    except REFUSALS as refusal:
        problem, status = explain(refusal)
        problem = f"{problem} Nothing was held."
        return render_event(request, event_id, code=wish["code"], problem=problem, status=status)
    except Error as error:
        if not (is_conflict(error) or is_connection_lost(error)):
            raise
        problem = "Too many want these seats at this moment. Try again; nothing was sold."
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return render_event(request, event_id, code=wish["code"], problem=problem, status=status)
    answer = held if isinstance(held, Answer) else _held(held)
    if not answer.body["contiguous"]:
        messages.warning(request, "So many seats side by side are not left: look where these are.")
    return redirect("sales:hold", answer.body["hold"])


def _held(best: BestHold) -> Answer:
    body = {"hold": str(best.hold.pk), "contiguous": best.contiguous}
    return Answer(status=HTTPStatus.FOUND, body=body)


@require_safe
def hold(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    """Show the seats that are kept, until when, and how to pay for them."""
    shown, now = _find(request, hold_id), timezone.now()
    is_live = shown.state == HoldState.ACTIVE and shown.expires_at > now
    context = {
        "hold": shown,
        "lines": sorted(shown.lines.all(), key=lambda line: (line.seat.position, line.seat.guid)),
        "is_live": is_live,
        "seconds": int((shown.expires_at - now).total_seconds()) if is_live else 0,
        "cards": _CARDS if PROVIDER in settings.PAYMENT_PROVIDERS else [],
        "key": uuid4().hex,
    }
    response = render(request, "sales/hold.html", context)
    add_never_cache_headers(response)
    return response


def _find(request: HttpRequest, hold_id: UUID) -> Hold:
    try:
        return find_hold(hold_id=hold_id, fan_id=_buyer(request).pk)
    except HoldNotFound:
        raise Http404("You have no such hold.") from None


@require_POST
def release(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    """Give the seats back to the sale, and lead to the event."""
    shown = _find(request, hold_id)
    try:
        release_hold(hold_id=hold_id, fan_id=_buyer(request).pk, now=timezone.now())
    except HoldExpired as ended:
        messages.error(request, f"{ended} Nothing was changed.")
        return redirect("sales:hold", hold_id)
    messages.success(request, "The seats are given back. Nothing was paid.")
    return redirect("sales:event", shown.event_id)


@require_POST
def pay(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    """Pay for the seats, and lead to the order; or say why not, and what is still kept."""
    form, buyer = PayForm(request.POST), _buyer(request)
    if not form.is_valid():
        messages.error(request, "Choose a card. Nothing was paid.")
        return redirect("sales:hold", hold_id)
    card, text = form.cleaned_data["card"], form.cleaned_data["key"]
    digest = fingerprint(method="POST", path=request.path, body={"card": card})
    key = RequestKey(fan_id=buyer.pk, key=f"hold:{text}:{card}", fingerprint=digest)
    try:
        done = pay_for_hold(
            hold_id=hold_id,
            user=buyer,
            provider=PROVIDER,
            token=card,
            region=settings.REGION,
            keyed=Keyed(key, render=_paid),
        )
    except (HoldNotFound, UnknownProvider):
        raise Http404("There is nothing to pay here.") from None
    except (HoldExpired, HoldBeingPaid, NotOnSale) as refusal:
        messages.error(request, f"{refusal} Nothing was paid.")
        return redirect("sales:hold", hold_id)
    except PaymentUnsettled:
        messages.warning(request, "The payment is not settled yet. Look at your orders in a while.")
        return redirect("sales:hold", hold_id)
    answer = done if isinstance(done, Answer) else _paid(done)
    if not answer.body["order"]:
        messages.error(request, f"{answer.body['why']} Nothing was paid.")
        return redirect("sales:hold", hold_id)
    if isinstance(buyer, GuestUser):
        messages.success(request, f"The seats are yours. The tickets are sent to {buyer.email}.")
        return redirect("sales:hold", hold_id)
    messages.success(request, "The seats are yours.")
    return redirect("sales:order", answer.body["order"])


def _paid(settled: Settled) -> Answer:
    """Keep what the page says: which order, or why there is none."""
    if settled.order.state == OrderState.PAID:
        return Answer(HTTPStatus.FOUND, {"order": str(settled.order.pk), "why": ""})
    refused = settled.payment.state == PaymentState.REFUSED
    why = settled.payment.reason if refused else "The seats were lost before they were paid."
    return Answer(HTTPStatus.CONFLICT, {"order": "", "why": why or "The card was refused."})
