"""The page to register; the other pages of accounts are allauth's, in our templates."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from allauth.account.views import EmailView
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import users
from accounts.emails import is_confirmed
from accounts.guest_pages import next_path

__all__ = ["EmailPage", "register"]


@method_decorator(login_required, name="dispatch")
class EmailPage(EmailView):  # type: ignore[misc] # allauth publishes no types
    """The page to change one's e-mail address, once the present one is confirmed.

    Where it is not, allauth would take it for the one that is being changed to, and leave the
    account without any.
    """

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Send a link to the new address, or refuse."""
        user: Any = request.user
        if "action_add" in request.POST and not is_confirmed(user):
            messages.error(request, "Confirm your present address first. Nothing was changed.")
            return redirect("account_email")
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response


class RegistrationForm(forms.Form):
    """What an account needs."""

    name = forms.CharField(
        max_length=200, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    password = forms.CharField(
        max_length=128,
        strip=False,
        help_text="At least 10 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


@sensitive_post_parameters("password")
@never_cache
def register(request: HttpRequest) -> HttpResponse:
    """Make an account and log in, or say what is wrong with the form."""
    # A link of ours may know the address: an invitation's does.
    form = RegistrationForm(request.POST or None, initial={"email": request.GET.get("email", "")})
    if request.method == "POST" and form.is_valid() and (user := _register(form)):
        told = f"Welcome. You are logged in as {user.email}. A link to confirm it is in your mail."
        messages.success(request, told)
        response: HttpResponse = perform_login(
            request, user, redirect_url=next_path(request, request.POST.get("next", ""))
        )
        return response
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    return render(request, "accounts/register.html", context, status=400 if form.errors else 200)


def _register(form: RegistrationForm) -> Any:
    """Return the new user, or None with the reason on the form."""
    try:
        return users.register(**form.cleaned_data)
    except users.EmailTaken as error:
        hint = "Log in; if you bought as a guest, ask for a new password."
        form.add_error("email", f"{error.__doc__} {hint}")
    except users.WeakPassword as error:
        form.add_error("password", error.messages)
    return None
