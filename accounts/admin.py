"""The admin of users, organisations and who works for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from knox.models import get_token_model

from accounts import api_key_admin  # registers itself
from accounts.audited_admin import PlatformAdmin, is_superuser
from accounts.large_lists import LargeList, names_of
from accounts.members import hold_owners, is_last_owner
from accounts.models import AuditEntry, Invitation, Membership, Organisation, Role, User
from accounts.models.users import normalise_email
from accounts.retried import retried
from accounts.tenancy import roles_in
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin, TenantFilter, TenantForm

if TYPE_CHECKING:
    from django.contrib.auth.forms import (
        AdminPasswordChangeForm,
        AdminUserCreationForm,
        UserChangeForm,
    )
else:  # it publishes no types, and has Django's interface
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm
    from unfold.forms import UserCreationForm as AdminUserCreationForm

__all__ = [
    "AuditEntryAdmin",
    "AuthTokenAdmin",
    "AuthenticatorAdmin",
    "EmailAddressAdmin",
    "InvitationAdmin",
    "MembershipAdmin",
    "OrganisationAdmin",
    "UserAdmin",
    "api_key_admin",
]


class UserCreationForm(AdminUserCreationForm[User]):
    """A new user, by e-mail address."""

    class Meta:
        model = User
        fields = ("email", "name")
        field_classes: ClassVar[dict[str, type]] = {}


# How many entries of the audit log are read for a word.
_LATEST = 5_000

AuthToken = get_token_model()

# Roles say who may do what: nobody asks for a group.
admin.site.unregister(Group)
# Knox's own page makes a token for anybody, and shows it.
admin.site.unregister(AuthToken)


@admin.register(AuthToken)
class AuthTokenAdmin(LargeList[Any], PlatformAdmin[Any]):
    """The tokens of the API: seen and revoked, never made for somebody else."""

    may_add = may_change = False
    list_display = ("token_key", "user", "created", "expiry")
    list_select_related = ("user",)
    search_fields = ("token_key__exact", "user__email__exact")
    search_help_text = "How a token begins (15 characters), or an e-mail address"
    ordering = ("-created",)
    fields = ("token_key", "user", "created", "expiry")


admin.site.unregister([Authenticator, EmailAddress])


@admin.register(Authenticator)
class AuthenticatorAdmin(LargeList[Authenticator], PlatformAdmin[Authenticator]):
    """Second factors, without their secrets: whoever lost his has it deleted here."""

    may_add = may_change = False
    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__email__exact",)
    search_help_text = "An e-mail address"
    ordering = ("-created_at",)
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(EmailAddress)
class EmailAddressAdmin(LargeList[EmailAddress], PlatformAdmin[EmailAddress]):
    """Addresses, and whether they were confirmed."""

    may_add = may_delete = False
    list_display = ("email", "user", "verified", "primary")
    list_select_related = ("user",)
    search_fields = ("user__email__exact", "email__exact")
    search_help_text = "An e-mail address"
    ordering = ("email",)
    fields = ("user", "email", "verified", "primary")
    readonly_fields = ("user", "email", "primary")


@admin.register(User)
class UserAdmin(LargeList[User], DjangoUserAdmin[User], PlatformAdmin[User]):
    """Everybody who logs in: for the platform's staff, since fans belong to no tenant."""

    form = UserChangeForm  # type: ignore[assignment]  # as Django's own
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "is_simulated", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser", "is_simulated")
    search_fields = names_of()
    search_help_text = "The beginning of an e-mail address, a name or a last name"
    readonly_fields = ("date_joined", "last_login", "is_simulated")
    may_delete = False  # orders and the ledger name them: close the account instead

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Set a password, under the conflict retry."""
        view = super().user_change_password
        return retried(request, lambda: view(request, id, form_url))

    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("date_joined", "last_login", "is_simulated")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "name", "usable_password", "password1", "password2"),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Leave out the users that API keys act as."""
        return super().get_queryset(request).filter(api_key=None)


@admin.register(Organisation)
class OrganisationAdmin(TenantAdmin[Organisation]):
    """An organisation: its owner names it, the platform makes it."""

    organisation_path = "pk"
    change_role = Role.OWNER
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "created_at")
    readonly_fields = ("created_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: Organisation | None = None) -> Any:
        """Fix the slug, which others' links use, for all but the platform's staff."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if is_superuser(request) else [*fixed, "slug"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave making tenants to the platform's staff."""
        return is_superuser(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        """Show superusers who there is; for what is theirs, they enter one."""
        if is_superuser(request):
            return Organisation.objects.all()
        return super().get_queryset(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it to superusers too."""
        return is_superuser(request) or super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        """Show it to superusers too."""
        return is_superuser(request) or super().has_view_permission(request, obj)


class MembershipForm(TenantForm[Membership]):
    """A role for somebody who is named by e-mail: a list of users would show other tenants'."""

    email = forms.EmailField(label="E-mail", help_text="Of somebody who has an account.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields.pop("email", None)

    def clean_email(self) -> str:
        """Find the user; raises ValidationError if there is none."""
        email = normalise_email(self.cleaned_data["email"])
        user = User.objects.filter(email=email, is_active=True, is_simulated=False).first()
        if user is None:
            raise ValidationError("Nobody has an account with this address: ask them to register.")
        self.instance.user = user
        return email

    def clean(self) -> dict[str, Any]:
        """Refuse a second role in an organisation, and to leave one without an owner."""
        cleaned = super().clean()
        organisation, user = cleaned.get("organisation"), self.instance.user_id
        if (
            self.instance._state.adding
            and Membership.objects.filter(organisation=organisation, user=user).exists()
        ):
            raise ValidationError("This person has a role in the organisation already.")
        if not self.instance._state.adding:
            hold_owners(self.instance.organisation_id)
        if cleaned.get("role") != Role.OWNER and is_last_owner(self.instance):
            raise ValidationError("An organisation needs an owner: make somebody else one first.")
        return cleaned


@admin.register(Membership)
class MembershipAdmin(TenantAdmin[Membership]):
    """Who works for an organisation: its owners decide, and invite them on the page of its people.

    Only the platform's staff adds somebody unasked: who has an account is no owner's to find out.
    """

    form = MembershipForm
    change_role = Role.OWNER
    may_delete = True
    list_display = ("user", "role", "organisation")
    list_filter = ("role", ("organisation", TenantFilter))
    list_select_related = ("user", "organisation")
    search_fields = ("user__email", "user__name")
    ordering = ("organisation__name", "user__email")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """Ask for an e-mail address first, show the user later."""
        return ["organisation", "user" if obj else "email", "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """Fix who it is."""
        return [*super().get_readonly_fields(request, obj), *(["user"] if obj else [])]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave adding people who were not asked to the platform's staff."""
        return is_superuser(request) and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Keep the last owner."""
        return super().has_delete_permission(request, obj) and not (obj and is_last_owner(obj))

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Keep the last owner, also where two are removed at one instant."""
        hold_owners(obj.organisation_id)
        if is_last_owner(obj):
            raise PermissionDenied
        super().delete_model(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """Offer no bulk delete: one by one, so that an owner is left."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyTenantAdmin[Invitation]):
    """Who was invited; sent and withdrawn on the page of an organisation's people."""

    view_role = Role.MANAGER
    list_display = ("email", "role", "organisation", "sent_at", "expires_at", "accepted_at")
    list_filter = ("role", ("organisation", TenantFilter))
    list_select_related = ("organisation",)
    search_fields = ("email",)
    ordering = ("-created_at",)


@admin.register(AuditEntry)
class AuditEntryAdmin(LargeList[AuditEntry], ReadOnlyTenantAdmin[AuditEntry]):
    """Who changed what; for owners and managers, and nobody changes it."""

    view_role = Role.MANAGER
    list_display = ("at", "actor_label", "action", "subject_label", "organisation")
    list_filter = (("organisation", TenantFilter),)
    list_select_related = ("organisation",)
    search_fields = ("subject_id__exact", "actor__email__exact")
    search_help_text = "An id, an e-mail address, or a word among the latest 5,000 entries"
    ordering = ("-at",)
    fields = (
        *("organisation", "at", "actor_label", "action"),
        *("subject_type", "subject_id", "subject_label", "what_changed", "region", "address"),
    )
    readonly_fields = ("what_changed",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Show superusers who are in no organisation the platform's own entries."""
        if _is_the_platforms(request):
            return AuditEntry._base_manager.filter(organisation__isnull=True)
        return super().get_queryset(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show superusers the platform's own."""
        return _is_the_platforms(request) or super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Show superusers the platform's own."""
        return _is_the_platforms(request) or super().has_view_permission(request, obj)

    def searched(self, request: HttpRequest, term: str) -> Iterable[dict[str, Any]]:
        """Look for a word too, among the latest entries: no index has words."""
        yield from super().searched(request, term)
        latest = self.get_queryset(request).order_by("-at").values("pk")[:_LATEST]
        for field in ("actor_label", "action", "subject_label"):
            yield {"pk__in": latest, f"{field}__icontains": term}

    @admin.display(description="Changes")
    def what_changed(self, entry: AuditEntry) -> str:
        """Write a line for each field: old value, new value."""
        rows = ((name, *_old_and_new(change)) for name, change in entry.changes.items())
        return format_html_join("", "<div>{}: {} → {}</div>", rows) or "-"


def _is_the_platforms(request: HttpRequest) -> bool:
    return is_superuser(request) and not roles_in(request)


def _old_and_new(change: Any) -> tuple[str, str]:
    """Return both as texts; what is no pair is new."""
    old, new = change if isinstance(change, list) and len(change) == 2 else (None, change)
    return ("-" if old in (None, "") else str(old), "-" if new in (None, "") else str(new))
