"""Work on many seats: started on the organisers' pages, kept as it went."""

from __future__ import annotations

from django.contrib import admin

from accounts.large_lists import LargeList
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantFilter
from sales.models import BulkJob, JobBatch

__all__ = ["BulkJobAdmin", "JobBatchAdmin"]


@admin.register(BulkJob)
class BulkJobAdmin(ReadOnlyTenantAdmin[BulkJob]):
    """What was done to many seats, by whom, and what came of it."""

    list_display = ("created_at", "title", "state", "done", "total", "event", "started_by")
    list_filter = ("state", "kind", ("event", TenantFilter))
    list_select_related = ("event", "started_by")
    search_fields = ("title",)
    ordering = ("-created_at",)
    fields = (
        "title",
        "kind",
        "event",
        "venue",
        "state",
        "message",
        "done",
        "total",
        "report",
        "started_by",
        "created_at",
        "started_at",
        "finished_at",
    )


@admin.register(JobBatch)
class JobBatchAdmin(LargeList[JobBatch], ReadOnlyTenantAdmin[JobBatch]):
    """Some hundred seats of a job."""

    organisation_path = "job__organisation"
    bounded_by = "job__event"
    list_display = ("job", "position", "is_done")
    list_filter = (("job__event", TenantFilter),)
    list_select_related = ("job",)
    ordering = ("job", "position")
    fields = ("job", "position", "is_done")
