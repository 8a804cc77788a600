"""Waiting rooms and waitlists: set up on an event's pages, kept as they are.

Nobody sees a seed or a draw: who knows them early knows who comes first.
"""

from __future__ import annotations

from django.contrib import admin

from accounts.large_lists import LargeList, names_of
from accounts.models import Role
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantFilter
from sales.models import WaitingRoom, Waitlist, WaitlistEntry

__all__ = ["WaitingRoomAdmin", "WaitlistAdmin", "WaitlistEntryAdmin"]


@admin.register(WaitingRoom)
class WaitingRoomAdmin(ReadOnlyTenantAdmin[WaitingRoom]):
    """How an event lets fans in, with the hash of its seed."""

    organisation_path = "event__organisation"
    list_display = ("event", "opens_at", "rate_per_minute", "is_paused", "released")
    list_filter = ("is_paused", ("event", TenantFilter))
    list_select_related = ("event",)
    search_fields = ("event__name",)
    ordering = ("-opens_at",)
    fields = (
        *("event", "opens_at", "rate_per_minute", "pass_seconds", "is_paused", "policy"),
        *("commitment", "released", "released_at"),
    )
    readonly_fields = ("commitment",)


@admin.register(Waitlist)
class WaitlistAdmin(ReadOnlyTenantAdmin[Waitlist]):
    """How an event offers seats that come back, with the hash of its seed."""

    organisation_path = "event__organisation"
    list_display = ("event", "order", "window_seconds")
    list_filter = ("order", ("event", TenantFilter))
    list_select_related = ("event",)
    search_fields = ("event__name",)
    ordering = ("event__name",)
    fields = ("event", "order", "window_seconds", "commitment")
    readonly_fields = ("commitment",)


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(LargeList[WaitlistEntry], ReadOnlyTenantAdmin[WaitlistEntry]):
    """Fans who wait for seats."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE
    list_display = ("joined_at", "fan", "event", "category", "quantity", "state", "offered_at")
    list_filter = ("state", ("event", TenantFilter))
    list_select_related = ("event", "fan", "category")
    search_fields = names_of("fan")
    search_help_text = "The beginning of a fan's e-mail address, name or last name"
    ordering = ("-joined_at",)
    fields = (
        *("event", "fan", "category", "quantity", "state", "joined_at"),
        *("missed", "hold", "offered_at", "region"),
    )
