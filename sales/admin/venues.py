"""Venues and their seating plans."""

from __future__ import annotations

import zoneinfo

from django.contrib import admin
from django.core.exceptions import ValidationError

from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin, TenantFilter, TenantForm
from sales.models import SeatingPlan, Section, Venue

__all__ = ["SeatingPlanAdmin", "SectionAdmin", "VenueAdmin"]


class VenueForm(TenantForm[Venue]):
    """A venue whose time zone there is."""

    def clean_time_zone(self) -> str:
        """Refuse a time zone that nobody knows."""
        name: str = self.cleaned_data["time_zone"]
        if name not in zoneinfo.available_timezones():
            raise ValidationError("Use a name such as Europe/Lisbon.")
        return name


@admin.register(Venue)
class VenueAdmin(TenantAdmin[Venue]):
    """Where events happen; one that events use cannot be deleted."""

    form = VenueForm
    may_delete = True
    list_display = ("name", "city", "time_zone", "organisation")
    list_filter = (("organisation", TenantFilter),)
    list_select_related = ("organisation",)
    search_fields = ("name", "city")
    ordering = ("name",)
    fields = ("organisation", "name", "city", "time_zone")


@admin.register(SeatingPlan)
class SeatingPlanAdmin(ReadOnlyTenantAdmin[SeatingPlan]):
    """What `manage.py import_plan` read; an event's seats are made from it."""

    list_display = ("name", "venue", "seat_count", "created_at")
    list_filter = (("venue", TenantFilter),)
    list_select_related = ("venue",)
    search_fields = ("name",)
    ordering = ("-created_at",)


@admin.register(Section)
class SectionAdmin(ReadOnlyTenantAdmin[Section]):
    """A zone of a plan."""

    organisation_path = "plan__organisation"
    list_display = ("name", "plan", "position")
    list_filter = (("plan", TenantFilter),)
    list_select_related = ("plan",)
    search_fields = ("name",)
    ordering = ("plan", "position")
    # The layout of a section of an arena is long, and says nothing to people.
    fields = ("plan", "name", "zone_id", "position")
