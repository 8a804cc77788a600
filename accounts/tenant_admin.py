"""The admin of a tenant's rows: organisers see and change their own organisation's only.

Every path into a ModelAdmin starts from its queryset, its permissions or a form field's
choices: all three are narrowed here, so that a class that inherits has nothing to remember.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin, RelatedFieldListFilter
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

from accounts.audited_admin import AuditedAdmin
from accounts.models import Role, TenantModel
from accounts.scopes import current
from accounts.tenancy import roles_at_least, roles_in

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline
else:  # it publishes no types, and has Django's interface
    from unfold.admin import TabularInline

__all__ = ["ReadOnlyTenantAdmin", "TenantAdmin", "TenantFilter", "TenantForm", "TenantInline"]

M = TypeVar("M", bound=Model)

# How many rows a filter names: nobody reads more.
_CHOICES = 200


def has_role(request: HttpRequest, role: Role, organisation_id: UUID | None = None) -> bool:
    """Tell whether the user has at least a role, in an organisation or in any."""
    roles = roles_in(request)
    held = roles.values() if organisation_id is None else [roles.get(organisation_id)]
    return any(each in roles_at_least(role) for each in held)


def admin_of(model: type[Model]) -> TenantAdmin[Any] | None:
    """Return the admin of a tenant's model, or None for one that belongs to no tenant."""
    found = admin.site._registry.get(model)
    return found if isinstance(found, TenantAdmin) else None


class TenantForm(forms.ModelForm[M]):
    """A form whose rows all have to belong to one organisation."""

    def clean(self) -> dict[str, Any]:
        """Refuse to tie rows of different organisations together."""
        cleaned = super().clean() or {}
        rows = [value for value in cleaned.values() if isinstance(value, Model)]
        if not self.instance._state.adding:
            rows.append(self.instance)
        if len(set(_organisations(rows))) > 1:
            raise ValidationError("These belong to different organisations. Nothing was changed.")
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """Check the constraints that span a fixed field too, which the form does not show."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        owner = admin_of(type(self.instance))
        fixed = {owner.parent_field} if owner and not self.instance._state.adding else set()
        return excluded - fixed


def _organisations(rows: Iterable[Model]) -> Iterable[UUID]:
    for row in rows:
        if owner := admin_of(type(row)):
            yield owner.organisation_of(row)


class TenantFilter(RelatedFieldListFilter):
    """A filter by a related row that names only what the user may see."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[Any]:
        """Return the related rows of the user's organisations: the first, in their list's order."""
        owner = admin_of(field.related_model)
        rows = owner.get_queryset(request) if owner else field.related_model.objects.none()
        return [(row.pk, str(row)) for row in rows[:_CHOICES]]


class TenantAdmin(AuditedAdmin[M]):
    """Rows that belong to an organisation, found by `organisation_path`.

    Whoever has `view_role` there sees a row, whoever has `change_role` changes it, and adds and
    deletes where `may_add` and `may_delete` say that rows of this kind are.
    """

    organisation_path: ClassVar[str] = "organisation"
    view_role: ClassVar[Role] = Role.VIEWER
    change_role: ClassVar[Role] = Role.MANAGER
    may_add: ClassVar[bool] = True
    may_change: ClassVar[bool] = True
    may_delete: ClassVar[bool] = False

    form: type[forms.ModelForm[M]] = TenantForm
    view_on_site = False

    @property
    def parent_field(self) -> str:
        """The field that ties a row to its tenant; it is set once."""
        return self.organisation_path.split("__")[0]

    def organisation_of(self, row: Model) -> UUID:
        """Return the id of the organisation that a row belongs to."""
        *above, last = self.organisation_path.split("__")
        owner = reduce(getattr, above, row)
        found: UUID = getattr(owner, "pk" if last == "pk" else f"{last}_id")
        return found

    def audit_organisation(self, row: Model) -> UUID | None:
        """Enter what happens to a row in its organisation's log."""
        return self.organisation_of(row)

    def may_see_history(self, request: HttpRequest, row: Model) -> bool:
        """Show who changed a row to who may read the audit log."""
        return has_role(request, Role.MANAGER, self.organisation_of(row))

    def of_tenant(self, request: HttpRequest, role: Role) -> QuerySet[M]:
        """Return the rows of the organisations in which the user has a role."""
        roles, enough = roles_in(request), roles_at_least(role)
        own = frozenset(each for each, held in roles.items() if held in enough)
        rows = super().get_queryset(request)
        scope = current()
        if issubclass(self.model, TenantModel) and scope and scope.organisation_ids == own:
            return rows  # the scope says the same
        return rows.filter(**{f"{self.organisation_path}__in": own})

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """Return the rows that the user may see."""
        return self.of_tenant(request, self.view_role)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Filter by what the list shows or has a filter for.

        Django allows every field of the model: a secret could be asked for letter by letter.
        """
        shown = {"pk", "id", *self.list_display, *map(_filtered_by, self.list_filter)}
        names = {each.split(LOOKUP_SEP)[0] for each in shown if isinstance(each, str)}
        return lookup.split(LOOKUP_SEP)[0] in names and super().lookup_allowed(
            lookup, value, request
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the model to everybody who has a role somewhere."""
        return has_role(request, self.view_role)

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Ask for `view_role`, in the row's organisation."""
        return has_role(request, self.view_role, self.organisation_of(obj) if obj else None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Ask for `change_role` somewhere; the form's choices say where."""
        return self.may_add and has_role(request, self.change_role)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Ask for `change_role`, in the row's organisation."""
        return self.may_change and self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Ask for `change_role`, in the row's organisation."""
        return self.may_delete and self._may_write(request, obj)

    def _may_write(self, request: HttpRequest, obj: M | None) -> bool:
        return has_role(request, self.change_role, self.organisation_of(obj) if obj else None)

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        """Fix the tenant of a row that exists."""
        fixed = list(super().get_readonly_fields(request, obj))
        return [*fixed, self.parent_field] if obj and self.parent_field != "pk" else fixed

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer, and accept, rows of the user's own organisations only."""
        kwargs["queryset"] = choices_of(db_field.related_model, request, self.change_role)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def _filtered_by(item: Any) -> str:
    """Return the name that a filter has in the URL: of a field, or its own."""
    if isinstance(item, str):
        return item
    return str(item[0] if isinstance(item, tuple) else item.parameter_name)


def choices_of(model: Any, request: HttpRequest, role: Role) -> QuerySet[Any]:
    """Return the rows of a model that a user may tie others to; none if it has no tenant."""
    owner = admin_of(model)
    return owner.of_tenant(request, role) if owner else model.objects.none()


class ReadOnlyTenantAdmin(TenantAdmin[M]):
    """Rows that nobody changes by hand, superusers included: the domain writes them."""

    may_add = may_change = may_delete = False


class TenantInline(TabularInline[M, Any]):
    """Rows shown with the row they belong to; its tenant and the user's role there decide."""

    change_role: ClassVar[Role] = Role.MANAGER
    may_delete: ClassVar[bool] = True
    form: type[forms.ModelForm[M]] = TenantForm
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask for any role with the parent's organisation."""
        return self._has_role(request, Role.VIEWER, obj)

    def has_add_permission(  # type: ignore[override]  # an inline is given the parent
        self, request: HttpRequest, obj: Any
    ) -> bool:
        """Ask for `change_role` with the parent's organisation."""
        return self._has_role(request, self.change_role, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask for `change_role` with the parent's organisation."""
        return self._has_role(request, self.change_role, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask for `change_role` with the parent's organisation."""
        return self.may_delete and self._has_role(request, self.change_role, obj)

    def _has_role(self, request: HttpRequest, role: Role, parent: Any) -> bool:
        owner = admin_of(self.parent_model)
        return has_role(request, role, owner.organisation_of(parent) if owner and parent else None)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Name each field in the table, whose head is not bound to it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and field.label:
            field.widget.attrs.setdefault("aria-label", str(field.label))
        return field

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer, and accept, rows of the user's own organisations only."""
        kwargs["queryset"] = choices_of(db_field.related_model, request, self.change_role)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
