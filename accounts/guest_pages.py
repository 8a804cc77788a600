"""Pages of guests: buying with an address alone, and the link in the mail."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import guests
from accounts.models import GuestUser, User

__all__ = ["begin", "claim", "fan_of", "next_path"]

_SESSION = "guest"


class GuestForm(forms.Form):
    """Where the tickets are sent."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(max_length=254)


def fan_of(request: HttpRequest) -> User | GuestUser | None:
    """Return who waits and buys in this browser: logged in, a guest, or nobody yet."""
    return request.user if isinstance(request.user, User) else _guest_of(request)


def _guest_of(request: HttpRequest) -> GuestUser | None:
    token = request.session.get(_SESSION, "")
    try:
        return guests.read_token(token=token, now=timezone.now()) if token else None
    except guests.BadGuestToken:
        del request.session[_SESSION]
        return None


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Remember the address, and lead back to the seat."""
    form = GuestForm(request.POST)
    back = next_path(request, request.POST.get("next", ""))
    try:
        if form.is_valid():
            issued = guests.begin(**form.cleaned_data, now=timezone.now())
            request.session[_SESSION] = issued.token
            told = f"You go on as {form.cleaned_data['email']}, for an hour. Choose again."
            messages.info(request, told)
            return redirect(back)
    except guests.NotAnAddress:
        pass
    messages.error(request, "A name and an e-mail address are needed. Nothing was sold.")
    # Where the form is: the page that asked for it may have sent her away to fill it in.
    return redirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': back})}")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """Show a guest what she bought; she comes from the mail, so the address is hers."""
    back = next_path(request, request.GET.get("next", ""))
    try:
        if request.method != "POST":
            user = guests.read_claim(token=token)
            return render(request, "accounts/claim.html", {"guest": user})
        user = guests.claim(token=token)
    except guests.LinkOver as error:
        messages.info(request, error.__doc__ or "")
        return redirect(f"{resolve_url(settings.LOGIN_URL)}?next={back}")
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    messages.success(request, "Your order. Choose a password under Account to keep it there.")
    return redirect(back)


def next_path(request: HttpRequest, asked: str) -> Any:
    """Return where to go on: a path of this site, and no other."""
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(asked, hosts, require_https=request.is_secure()):
        return asked
    return resolve_url(settings.LOGIN_REDIRECT_URL)
