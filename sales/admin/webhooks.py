"""Webhooks and mail: what an organisation's systems and fans were told, kept as it was.

Nobody sees the secrets that sign, nor what a mail says: it may hold a link that is its reader's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.large_lists import LargeList
from accounts.models import Role
from accounts.tenancy import as_uuid
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantFilter
from sales.models import (
    Mailing,
    OrderMail,
    OutboxEvent,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)

__all__ = [
    "MailingAdmin",
    "OrderMailAdmin",
    "OutboxEventAdmin",
    "WebhookAttemptAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]


@admin.register(OutboxEvent)
class OutboxEventAdmin(LargeList[OutboxEvent], ReadOnlyTenantAdmin[OutboxEvent]):
    """What happened that is told to webhooks and fans."""

    view_role = Role.MANAGER
    list_display = ("created_at", "kind", "subject_id", "drained_at", "organisation")
    list_filter = ("kind", ("organisation", TenantFilter))
    list_select_related = ("organisation",)
    search_fields = ("subject_id",)
    search_help_text = "The id of what it is about"
    ordering = ("-created_at",)
    fields = ("organisation", "kind", "subject_id", "sequence", "created_at", "drained_at")

    def searched(self, request: HttpRequest, term: str) -> Iterable[dict[str, Any]]:
        """Look for an id alone, which no other text is."""
        yield {"subject_id": as_uuid(term)}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyTenantAdmin[WebhookEndpoint]):
    """The addresses that are told, without what signs; managed by the API."""

    view_role = Role.MANAGER
    list_display = ("url", "enabled", "disabled_reason", "organisation", "created_at")
    list_filter = ("enabled", ("organisation", TenantFilter))
    list_select_related = ("organisation",)
    search_fields = ("url", "description")
    ordering = ("-created_at",)
    fields = (
        *("organisation", "url", "description", "kinds", "enabled", "disabled_reason"),
        *("failing_since", "created_at", "deleted_at"),
    )


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(LargeList[WebhookDelivery], ReadOnlyTenantAdmin[WebhookDelivery]):
    """What an address was told, or is still to be."""

    organisation_path = "endpoint__organisation"
    view_role = Role.MANAGER
    list_display = ("created_at", "endpoint", "happened", "state", "attempts", "due_at")
    list_filter = ("state", ("endpoint", TenantFilter))
    list_select_related = ("endpoint", "happened")
    search_fields = ()
    search_help_text = "An id"
    ordering = ("-created_at",)
    fields = (
        *("endpoint", "happened", "subject_id", "sequence", "state", "attempts"),
        *("due_at", "created_at", "ended_at"),
    )


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(LargeList[WebhookAttempt], ReadOnlyTenantAdmin[WebhookAttempt]):
    """One try to tell an address, and what it answered."""

    organisation_path = "delivery__endpoint__organisation"
    view_role = Role.MANAGER
    list_display = ("at", "delivery", "status", "error", "milliseconds")
    list_filter = (("delivery__endpoint", TenantFilter),)
    list_select_related = ("delivery",)
    search_fields = ()
    search_help_text = "An id"
    ordering = ("-at",)
    fields = ("delivery", "at", "status", "error", "milliseconds", "body")


@admin.register(OrderMail)
class OrderMailAdmin(LargeList[OrderMail], ReadOnlyTenantAdmin[OrderMail]):
    """Mail to the fan of an order: whether it went out."""

    organisation_path = "order__event__organisation"
    bounded_by = "order__event"
    view_role = Role.BOX_OFFICE
    list_display = ("created_at", "order", "template", "state", "attempts", "sent_at")
    list_filter = ("state", ("order__event", TenantFilter))
    list_select_related = ("order",)
    search_fields = ("order__reference__startswith",)
    search_help_text = "The beginning of an order's reference"
    ordering = ("-created_at",)
    fields = ("order", "template", "state", "attempts", "due_at", "created_at", "sent_at")


@admin.register(Mailing)
class MailingAdmin(ReadOnlyTenantAdmin[Mailing]):
    """Mail to all who hold tickets of an event: how far it has come."""

    organisation_path = "event__organisation"
    list_display = ("event", "happened", "orders", "done_at")
    list_filter = (("event", TenantFilter),)
    list_select_related = ("event", "happened")
    search_fields = ("event__name",)
    ordering = ("-happened__created_at",)
    fields = ("event", "happened", "orders", "done_at")
