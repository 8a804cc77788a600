"""The admin's pages: their URLs, the models they show, and a form of an event."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.urls import reverse

from accounts.models import Organisation
from accounts.tenant_admin import TenantAdmin
from sales.models import Venue


def url(model: type[Model], page: str, *args: Any) -> str:
    """Return the path of a page of the admin, of a model."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def values(row: Model) -> dict[str, Any]:
    """Return a row's values, as the database has them."""
    found: dict[str, Any] = type(row)._default_manager.filter(pk=row.pk).values()[0]
    return found


def event_form(organisation: Organisation, venue: Venue, **changes: str) -> dict[str, str]:
    """Return what the form of a new event sends; `changes` replace fields."""
    return {
        "organisation": str(organisation.pk),
        "venue": str(venue.pk),
        "name": "New",
        "slug": "new",
        "state": "draft",
        "currency": "EUR",
        "limit_per_fan": "4",
        "hold_seconds": "600",
        "hold_limit_seconds": "1800",
        "fee_minor": "0",
        "fee_basis_points": "0",
        "categories-TOTAL_FORMS": "0",
        "categories-INITIAL_FORMS": "0",
        **{f"{each}_0": "2027-01-01" for each in ("starts_at", "on_sale_at")},
        "off_sale_at_0": "2027-01-02",
        **{f"{each}_1": "20:00" for each in ("starts_at", "on_sale_at", "off_sale_at")},
        **changes,
    }


def tenants_models() -> list[type[Model]]:
    """Return the models whose rows belong to a tenant, as the admin has them."""
    return [model for model, each in admin.site._registry.items() if isinstance(each, TenantAdmin)]


def kind_of(owner: ModelAdmin[Any]) -> tuple[object, ...]:
    """Return what makes an admin's pages other than another's: its classes, filters and forms."""
    filters = [each[1] if isinstance(each, tuple) else type(each) for each in owner.list_filter]
    return (
        type(owner).__mro__[1:],
        tuple(sorted(each.__name__ for each in filters)),
        tuple(type(owner).__dict__.keys() & _METHODS),
        *(bool(getattr(owner, name)) for name in _OPTIONS),
    )


def one_of_each_kind() -> list[type[Model]]:
    """Return the first model of each kind of admin that is registered."""
    found: dict[object, type[Model]] = {}
    for model, owner in admin.site._registry.items():
        found.setdefault(kind_of(owner), model)
    return list(found.values())


_OPTIONS = ("actions", "autocomplete_fields", "date_hierarchy", "inlines", "search_fields")
_METHODS = {"changelist_view", "get_form", "get_queryset", "get_urls", "save_model"}
