"""What makes a model a tenant's: it answers in a scope only (accounts.scopes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db import models

from accounts import scopes

M = TypeVar("M", bound=models.Model)


class TenantManager(models.Manager[M]):
    """A manager that answers in a scope only, with the rows of that scope."""

    def get_queryset(self) -> models.QuerySet[M]:
        """Return the rows of the scope; raises NoScope."""
        scope = scopes.current()
        if scope is None:
            raise scopes.NoScope(self.model)
        rows = super().get_queryset()
        if scope.organisation_ids is None:
            return rows
        if not scope.organisation_ids:
            return rows.none()
        return rows.filter(scopes.condition(self.model, scope.organisation_ids))

    def none(self) -> models.QuerySet[M]:
        """Return no rows, in any scope or none: forms are declared with it."""
        return super().get_queryset().none()


class TenantModel(models.Model):
    """A model whose rows belong to organisations.

    tenant_field: `organisation`, or the foreign key to the row above that belongs to one.
    """

    tenant_field: ClassVar[str]

    if not TYPE_CHECKING:  # each model's own is typed by what it declares, or as Django's
        objects = TenantManager()

    class Meta:
        abstract = True

    @classmethod
    def organisation_path(cls) -> str:
        """Return the lookup of a row's organisation, such as `hold__event__organisation`."""
        if cls.tenant_field == "organisation":
            return cls.tenant_field
        above: Any = cls._meta.get_field(cls.tenant_field).related_model
        return f"{cls.tenant_field}__{above.organisation_path()}"
