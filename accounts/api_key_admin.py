"""The admin of API keys: made here, shown once, revoked here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from accounts.api_keys import add_key, withdraw_key
from accounts.models import ApiKey, Role, Scope
from accounts.tenant_admin import TenantAdmin, TenantFilter, TenantForm

__all__ = ["ApiKeyAdmin"]


class ApiKeyForm(TenantForm[ApiKey]):
    """A new key: what uses it, and what that needs."""

    scopes = forms.MultipleChoiceField(
        choices=[(each.value, f"{each.value}: {each.label}") for each in Scope],
        widget=forms.CheckboxSelectMultiple,
        help_text="No more than the program needs.",
    )

    def clean_expires_at(self) -> Any:
        """Refuse a key that would never have worked."""
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError("This is over already.")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin[ApiKey]):
    """The keys of an organisation's programs. Nobody reads one again after it was made."""

    form = ApiKeyForm
    view_role = Role.MANAGER
    may_change = False
    list_display = ("name", "prefix", "scopes_", "last_used_at", "expires_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), ("organisation", TenantFilter))
    list_select_related = ("organisation",)
    search_fields = ("name", "prefix")
    ordering = ("-created_at",)
    actions = ("revoke",)

    @admin.display(description="Scopes")
    def scopes_(self, key: ApiKey) -> str:
        """List the scopes."""
        return ", ".join(key.scopes)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Ask for what makes a key; show its history later."""
        if obj is None:
            return ["organisation", "name", "scopes", "expires_at"]
        made = ["created_by", "created_at", "expires_at", "last_used_at", "revoked_at"]
        return ["organisation", "name", "prefix", "scopes_", *made]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Fix all of a key that exists."""
        return self.get_fields(request, obj) if obj else []

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the key, and keep its secret for the answer."""
        obj.scopes = form.cleaned_data["scopes"]
        obj.created_by = request.user  # type: ignore[assignment] # has the role, so is a user
        obj.secret = add_key(  # type: ignore[attr-defined] # never stored
            obj, actor=request.user, now=timezone.now()
        )

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Leave the audit log to the domain, which kept it."""

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, this once: not by a redirect, which would have to store it."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "The new API key",
            "key": obj,
            "secret": obj.secret,  # type: ignore[attr-defined] # see save_model
        }
        response = TemplateResponse(request, "admin/accounts/apikey/created.html", context)
        add_never_cache_headers(response)
        return response

    @admin.action(description="Revoke selected API keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Make keys useless, and say how many were of use."""
        now = timezone.now()
        revoked = [key for key in queryset if withdraw_key(key, actor=request.user, now=now)]
        self.message_user(request, f"Revoked {len(revoked)} of the selected keys.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Ask for a manager; the rows on offer are those of her organisations."""
        return self.has_view_permission(request)
