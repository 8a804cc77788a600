"""Stampedes, their regions and attempts: what was told, kept as it was."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import reverse

from accounts.large_lists import LargeList, known_values
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantFilter
from sales.models import Attempt, Stampede, StampedeRegion

__all__ = ["AttemptAdmin", "StampedeAdmin", "StampedeRegionAdmin"]

REGION = known_values(lambda: settings.REGIONS)


@admin.register(Stampede)
class StampedeAdmin(ReadOnlyTenantAdmin[Stampede]):
    """Simulated on-sales; the scoreboard shows one as a whole."""

    organisation_path = "event__organisation"
    list_display = ("created_at", "event", "seat", "buyers", "state")
    list_filter = ("state", ("event", TenantFilter))
    list_select_related = ("event", "seat")
    search_fields = ("event__name",)
    ordering = ("-created_at",)
    fields = ("event", "seat", "buyers", "state", "created_at", "starts_at", "finished_at")

    def view_on_site(self, obj: Stampede) -> str:  # type: ignore[override]  # a method is allowed
        """Return the scoreboard."""
        return reverse("sales:stampede", args=[obj.pk])


@admin.register(StampedeRegion)
class StampedeRegionAdmin(ReadOnlyTenantAdmin[StampedeRegion]):
    """A region's share of a stampede."""

    organisation_path = "stampede__event__organisation"
    list_display = ("stampede", "region", "buyers", "worker", "started_at", "finished_at")
    list_filter = (("region", REGION),)
    list_select_related = ("stampede__seat",)
    ordering = ("-stampede__created_at", "region")


@admin.register(Attempt)
class AttemptAdmin(LargeList[Attempt], ReadOnlyTenantAdmin[Attempt]):
    """One simulated buyer's try, and what she was told."""

    organisation_path = "stampede__event__organisation"
    bounded_by = "stampede__event"
    list_display = ("number", "region", "outcome", "attempts", "conflicts", "stampede", "fan")
    list_filter = ("outcome", ("region", REGION), ("stampede__event", TenantFilter))
    list_select_related = ("stampede__seat", "fan")
    search_fields = ("fan__email__startswith",)
    search_help_text = "The beginning of a fan's e-mail address"
    ordering = ("-stampede__created_at", "number")
