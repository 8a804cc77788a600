"""Every admin of ours: what it saves and deletes goes to the audit log, and looks as the site does.

Django's own log of the admin (LogEntry: "recent actions", "history") knows no tenants, and is
neither written nor shown: the audit log is in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import audit
from accounts.bounded_lists import MOST_AT_ONCE, BoundedPaginator, KeysetChangeList
from accounts.models import AuditEntry
from accounts.retried import retried

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:  # it publishes no types, and has Django's interface
    from unfold.admin import ModelAdmin

__all__ = ["AuditedAdmin", "PlatformAdmin", "is_superuser"]

M = TypeVar("M", bound=Model)

_HISTORY_ROWS = 200

Change = tuple[str, Model, Mapping[str, Any]]


@dataclass
class Saved:
    """What a form and the forms below it changed."""

    changes: dict[str, list[Any]] = field(default_factory=dict)
    below: list[Change] = field(default_factory=list)


class AuditedAdmin(ModelAdmin[M]):
    """An admin that keeps the audit log; `audit_organisation` says whose entry it is."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # each would count all the rows
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Page lists by keyset."""
        return KeysetChangeList

    def audit_organisation(self, row: Model) -> UUID | None:
        """Return whose business a row is; None: the platform's."""
        return None

    def may_see_history(self, request: HttpRequest, row: Model) -> bool:
        """Tell whether the user may read who changed a row."""
        return is_superuser(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Add or change a row, under the conflict retry."""
        view = super().changeform_view
        return retried(request, lambda: view(request, object_id, form_url, extra_context))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete a row, under the conflict retry."""
        view = super().delete_view
        return retried(request, lambda: view(request, object_id, extra_context))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """List rows, or run an action on them under the conflict retry."""
        view = super().changelist_view
        if request.POST.get("select_across") == "1" and not self._lists_all(request):
            text = f"These are more than {MOST_AT_ONCE}: filter first. Nothing was changed."
            self.message_user(request, text, messages.ERROR)
            return redirect(request.get_full_path())
        return retried(request, lambda: view(request, extra_context))

    def _lists_all(self, request: HttpRequest) -> bool:
        if not self.has_view_or_change_permission(request):
            return True  # the list itself refuses
        try:
            paginator: Any = self.get_changelist_instance(request).paginator
        except IncorrectLookupParameters:
            return True  # the list itself says so
        return bool(paginator.is_whole)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Load a row, and keep what it held for the log."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            _held(request)[row.pk] = audit.values_of(row)
        return row

    def construct_change_message(  # type: ignore[override]  # what we hand to ourselves
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Saved:
        """Return what was changed, for `log_addition` and `log_change`."""
        changes = {
            name: [_plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))]
            for name in form.changed_data
            if name in form.cleaned_data
        }
        return Saved(changes, [each for formset in formsets or [] for each in _below(formset)])

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record a new row."""
        self._record(request, obj, "added", audit.changed({}, audit.values_of(obj)), message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record what a row held and holds; nothing if that is the same."""
        before = _held(request).get(obj.pk)
        if before is not None:
            changes = audit.changed(before, audit.values_of(obj))
            if isinstance(message, Saved):
                known = {each.name for each in obj._meta.concrete_fields}
                changes |= {k: v for k, v in message.changes.items() if k not in known}
        else:
            changes = message.changes if isinstance(message, Saved) else {}
        self._record(request, obj, "changed", changes, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> Any:
        """Record rows that are about to go."""
        rows: list[Change] = [
            ("deleted", row, audit.changed(audit.values_of(row), {})) for row in queryset
        ]
        AuditEntry.objects.bulk_create([self._entry(request, row, *row) for row in rows])

    def _record(
        self, request: HttpRequest, obj: Model, verb: str, changes: dict[str, Any], message: Any
    ) -> None:
        if message and not isinstance(message, Saved):
            changes = changes or {"note": [None, str(message)]}
        acts: list[Change] = [(verb, obj, changes)] if changes else []
        acts += message.below if isinstance(message, Saved) else []
        AuditEntry.objects.bulk_create(
            [self._entry(request, (verb, obj, {}), *act) for act in acts]
        )

    def _entry(
        self, request: HttpRequest, of: Change, verb: str, row: Model, changes: Mapping[str, Any]
    ) -> AuditEntry:
        return audit.entry(
            organisation_id=self.audit_organisation(of[1]),
            actor=request.user,
            action=f"{row._meta.model_name}.{verb}",
            subject=row,
            changes=changes,
            now=timezone.now(),
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the row's entries of the audit log, the last one first."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not (
            self.has_view_or_change_permission(request, row) and self.may_see_history(request, row)
        ):
            raise PermissionDenied
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": f"History: {row}",
            "subtitle": None,
            "entries": self._entries_of(row)[:_HISTORY_ROWS],
            "module_name": str(self.opts.verbose_name_plural).capitalize(),
            "object": row,
            "opts": self.opts,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/object_history.html", context)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer the history to who may see it."""
        row = kwargs.get("obj")
        context["show_history"] = row is not None and self.may_see_history(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def _entries_of(self, row: Model) -> QuerySet[AuditEntry]:
        owner = self.audit_organisation(row)
        whose = {"organisation_id": owner} if owner else {"organisation__isnull": True}
        # The platform's entries are in no tenant's scope; whose these are is said here.
        entries = AuditEntry._base_manager.filter(subject_id=str(row.pk), **whose)
        return entries.filter(subject_type=row._meta.label_lower).order_by("-at")


class PlatformAdmin(AuditedAdmin[M]):
    """Rows that belong to no tenant: for the platform's superusers alone."""

    may_add: ClassVar[bool] = True
    may_change: ClassVar[bool] = True
    may_delete: ClassVar[bool] = True

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it to superusers."""
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Show it to superusers."""
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave it to superusers, where rows are made by hand."""
        return self.may_add and is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Leave it to superusers, where rows are changed by hand."""
        return self.may_change and is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Leave it to superusers, where rows are deleted by hand."""
        return self.may_delete and is_superuser(request)


def is_superuser(request: HttpRequest) -> bool:
    """Tell whether the user runs the platform."""
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def _held(request: HttpRequest) -> dict[Any, dict[str, Any]]:
    """Return what rows held when this request loaded them, by key."""
    held: dict[Any, dict[str, Any]] | None = getattr(request, "audit_held", None)
    if held is None:
        held = request.audit_held = {}  # type: ignore[attr-defined]  # kept on the request itself
    return held


def _below(formset: Any) -> Iterable[Change]:
    """Yield what the forms of related rows did."""
    for row in formset.new_objects:
        yield "added", row, audit.changed({}, audit.values_of(row))
    initial = {form.instance.pk: form.initial for form in formset.initial_forms}
    for row, names in formset.changed_objects:
        old = initial.get(row.pk, {})
        yield "changed", row, {name: [old.get(name), _value(row, name)] for name in names}
    for row in formset.deleted_objects:
        yield "deleted", row, audit.changed(audit.values_of(row), {})


def _value(row: Model, name: str) -> Any:
    return _plain(getattr(row, name, None))


def _plain(value: Any) -> Any:
    """Return rows as their keys."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, QuerySet | list | tuple):
        return [_plain(each) for each in value]
    return value
