"""Webhooks, for managers: made, changed, tried and deleted; what they were told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Organisation
from accounts.tenancy import managed_in
from sales.models import WebhookEndpoint
from sales.telling.endpoints import (
    EndpointNotFound,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    find_endpoint,
    ping,
    redeliver,
    rotate_secret,
)
from sales.telling.log import endpoints_and_last, log_of
from sales.views.organise.access import manager_page
from sales.views.organise.acting import Refusal, attempt, id_by_form
from sales.views.organise.webhook_forms import NewWebhookForm, WebhookForm

__all__ = ["again", "change", "delete", "new", "secret", "try_out", "webhook", "webhooks"]


@require_safe
@manager_page
def webhooks(request: HttpRequest) -> HttpResponse:
    """List the webhooks of the organisations that the visitor manages."""
    context = {
        "endpoints": endpoints_and_last(user=request.user),
        "several": len(managed_in(request)) > 1,
    }
    return render(request, "sales/organise/webhooks.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@manager_page
def new(request: HttpRequest) -> HttpResponseBase:
    """Make a webhook; the answer shows its secret, once."""
    own = Organisation.objects.filter(pk__in=managed_in(request)).order_by("name")
    form = NewWebhookForm(
        request.POST or None, organisations=own, initial={"organisation": own.first()}
    )
    if request.method != "POST" or not form.is_valid():
        return _form(request, form)
    given, made_id = dict(form.cleaned_data), id_by_form(request)
    owner = given.pop("organisation").pk
    make = partial(create_endpoint, endpoint_id=made_id, organisation_id=owner, **given)
    refusal = _do(request, make)
    if refusal:
        return _form(request, form, refusal=refusal)
    return _secret(request, _found(request, made_id))


@require_safe
@manager_page
def webhook(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Show a webhook and what it was told, the newest first."""
    return _page(request, endpoint_id)


@require_http_methods(["GET", "HEAD", "POST"])
@manager_page
def change(request: HttpRequest, endpoint_id: UUID) -> HttpResponseBase:
    """Change a webhook; enabling it lets what waits go on."""
    found = _found(request, endpoint_id)
    names = ("url", "description", "kinds", "enabled")
    initial = {name: getattr(found, name) for name in names}
    form = WebhookForm(request.POST or None, initial=initial)
    if request.method != "POST" or not form.is_valid():
        return _form(request, form, endpoint=found)
    save = partial(change_endpoint, endpoint_id=endpoint_id, changes=form.changes())
    refusal = _do(request, save)
    if refusal:
        return _form(request, form, endpoint=found, refusal=refusal)
    messages.success(request, "Saved.")
    return redirect("sales:organise-webhook", endpoint_id)


@require_POST
@manager_page
def secret(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Make a new secret and show it, once; the old one signs beside it for a day."""
    refusal = _do_keyed(request, partial(rotate_secret, endpoint_id=endpoint_id))
    if refusal:
        return _page(request, endpoint_id, refusal)
    return _secret(request, _found(request, endpoint_id))


@require_POST
@manager_page
def try_out(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Send a ping."""
    send = partial(ping, endpoint_id=endpoint_id, ping_id=id_by_form(request))
    refusal = _do(request, send)
    return _after(request, endpoint_id, refusal, "A ping is on its way.")


@require_POST
@manager_page
def again(request: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Have something told again."""
    send = partial(redeliver, endpoint_id=endpoint_id, delivery_id=delivery_id)
    refusal = _do_keyed(request, send)
    return _after(request, endpoint_id, refusal, "It is on its way again.")


@require_POST
@manager_page
def delete(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Delete a webhook."""
    refusal = _do_keyed(request, partial(delete_endpoint, endpoint_id=endpoint_id))
    if refusal:
        return _page(request, endpoint_id, refusal)
    messages.success(request, "The webhook was deleted. It is told nothing more.")
    return redirect("sales:organise-webhooks")


def _do(request: HttpRequest, act: Callable[..., Any]) -> Refusal | None:
    """Do something as the visitor, now; what it makes has an id of the form's."""
    return attempt(request, lambda _: act(user=request.user, now=timezone.now()))


def _do_keyed(request: HttpRequest, act: Callable[..., Any]) -> Refusal | None:
    """Do something as the visitor, now; it keeps itself that it was done for this form."""
    return attempt(request, lambda key: act(user=request.user, now=timezone.now(), request=key))


def _found(request: HttpRequest, endpoint_id: UUID) -> WebhookEndpoint:
    try:
        return find_endpoint(endpoint_id=endpoint_id, user=request.user)
    except EndpointNotFound as error:
        raise Http404(str(error)) from None


def _after(
    request: HttpRequest, endpoint_id: UUID, refusal: Refusal | None, done: str
) -> HttpResponse:
    if refusal:
        return _page(request, endpoint_id, refusal)
    messages.success(request, done)
    return redirect("sales:organise-webhook", endpoint_id)


def _page(request: HttpRequest, endpoint_id: UUID, refusal: Refusal | None = None) -> HttpResponse:
    after = request.GET.get("after", "")
    try:
        log = log_of(endpoint_id=endpoint_id, user=request.user, after=after)
    except EndpointNotFound as error:
        raise Http404(str(error)) from None
    context: dict[str, Any] = {
        "endpoint": log.endpoint,
        "log": log,
        "after": after,
        "key": uuid4().hex,
        "problem": refusal.text if refusal else "",
        "now": timezone.now(),
    }
    status = refusal.status if refusal else HTTPStatus.OK
    return render(request, "sales/organise/webhook.html", context, status=status)


def _form(
    request: HttpRequest,
    form: WebhookForm,
    *,
    endpoint: WebhookEndpoint | None = None,
    refusal: Refusal | None = None,
) -> HttpResponse:
    if refusal:
        form.add_error(None, refusal.text)
    status = refusal.status if refusal else HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    context = {"form": form, "endpoint": endpoint, "key": uuid4().hex}
    return render(request, "sales/organise/webhook_form.html", context, status=status)


def _secret(request: HttpRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    context = {"endpoint": endpoint, "now": timezone.now()}
    return render(request, "sales/organise/webhook_secret.html", context)
