"""Pages to register and to log in; logging out is Django's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import users

__all__ = ["LogIn", "register"]


class LoginForm(AuthenticationForm):
    """E-mail address and password."""

    username: Any = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "email"})
    )

    def clean(self) -> dict[str, Any]:
        """Prove who it is, by the same rules as the API."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            try:
                self.user_cache = users.log_in(email=email, password=password)
            except users.LoginFailed as error:
                raise ValidationError(error.__doc__ or "") from None
        return self.cleaned_data


class LogIn(LoginView):
    """Log in, and go back to where one came from."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


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
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        messages.success(request, f"Welcome. You are logged in as {user.email}.")
        return redirect(_next(request))
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    return render(request, "accounts/register.html", context, status=400 if form.errors else 200)


def _register(form: RegistrationForm) -> Any:
    """Return the new user, or None with the reason on the form."""
    try:
        return users.register(**form.cleaned_data)
    except users.EmailTaken as error:
        form.add_error("email", error.__doc__ or "")
    except users.WeakPassword as error:
        form.add_error("password", error.messages)
    return None


def _next(request: HttpRequest) -> str:
    """Return where to go on: a path of this site, and no other."""
    asked = request.POST.get("next", "")
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(asked, hosts, require_https=request.is_secure()):
        return asked
    return resolve_url(settings.LOGIN_REDIRECT_URL)
