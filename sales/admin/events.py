"""Events, what their seats cost, and the seats."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.large_lists import LargeList, names_of
from accounts.models import Role
from accounts.tenancy import as_uuid
from accounts.tenant_admin import (
    ReadOnlyTenantAdmin,
    TenantAdmin,
    TenantFilter,
    TenantForm,
    TenantInline,
)
from sales.models import (
    Allowance,
    CategoryAllowance,
    Event,
    EventState,
    PriceCategory,
    Seat,
    SeatStatus,
)
from sales.organising.promises import broken_promises, renew_seeds
from sales.outbox import tell_event
from worldseat.money import format_money

__all__ = [
    "AllowanceAdmin",
    "CategoryAllowanceAdmin",
    "EventAdmin",
    "PriceCategoryAdmin",
    "SeatAdmin",
]


class EventForm(TenantForm[Event]):
    """An event; it leaves the draft when it has seats."""

    def clean_state(self) -> str:
        """Refuse to publish without seats, to hide what was sold, and to undo a cancelling."""
        state: str = self.cleaned_data["state"]
        if self.instance.state == EventState.CANCELLED != state:
            raise ValidationError("The event is cancelled, for good: fans were told so.")
        if state != EventState.DRAFT and self.instance.plan_id is None:
            raise ValidationError(
                "The event has no seats yet, so it has to stay a draft. Make them of a seating "
                "plan first: Halls and plans."
            )
        is_new = self.instance._state.adding  # and may have no key by now
        if state == EventState.DRAFT and not is_new and self.instance.orders.exists():
            raise ValidationError("Seats have been sold: close the event rather than hide it.")
        return state

    def _post_clean(self) -> None:
        """Refuse times that would break what fans of a draw were promised."""
        before = copy(self.instance)
        super()._post_clean()  # type: ignore[misc] # where a form's instance takes what was given
        if not self.errors and not before._state.adding:
            for name, reasons in broken_promises(before, self.instance, now=timezone.now()).items():
                self.add_error(name, reasons)


class CategoryInline(TenantInline[PriceCategory]):
    """What the seats of an event cost; one that seats use cannot be deleted."""

    model = PriceCategory
    fields = ("name", "color", "price_minor", "position", "limit_per_fan", "code_required")
    ordering = ("position", "name")


@admin.register(Event)
class EventAdmin(TenantAdmin[Event]):
    """Events. None is deleted: what was sold names it, and its seats are many."""

    form = EventForm
    inlines: ClassVar = [CategoryInline]
    list_display = ("name", "state", "starts_at", "on_sale_at", "venue", "organisation")
    list_filter = (
        "state",
        "is_simulation",
        ("venue", TenantFilter),
        ("organisation", TenantFilter),
    )
    list_select_related = ("venue", "organisation")
    search_fields = ("name", "slug")
    ordering = ("-starts_at",)
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    readonly_fields = ("plan", "created_at")
    fieldsets = (
        (None, {"fields": ("organisation", "name", "slug", "description", "venue", "plan")}),
        ("Sale", {"fields": ("state", "starts_at", "on_sale_at", "off_sale_at")}),
        ("Rules", {"fields": ("currency", "limit_per_fan", "is_simulation", "created_at")}),
        (
            "Holds and returns",
            {"fields": ("hold_seconds", "hold_limit_seconds", "fans_cancel_until")},
        ),
        ("Fees", {"fields": ("fee_minor", "fee_basis_points")}),
    )

    def save_model(self, request: HttpRequest, obj: Event, form: Any, change: bool) -> None:
        """Save it, and have webhooks and ticket holders told of what concerns them."""
        old = Event.objects.select_related("venue").filter(pk=obj.pk).first() if change else None
        super().save_model(request, obj, form, change)
        if old is not None:
            before = {"state": old.state, "starts_at": old.starts_at, "venue": old.venue}
            tell_event(before, obj, now=timezone.now())
            renew_seeds(old, obj, now=timezone.now())

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        """Fix what was promised once fans have seen it: venue, currency, whether it is real."""
        fixed = list(super().get_readonly_fields(request, obj))
        if obj and obj.state != EventState.DRAFT:
            fixed += ["venue", "currency", "is_simulation"]
        return fixed

    def get_prepopulated_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        """Make the slug from the name while the event is new."""
        return {} if obj else self.prepopulated_fields

    def view_on_site(self, obj: Event) -> str:  # type: ignore[override]  # a method is allowed
        """Return the fans' page."""
        return reverse("sales:event", args=[obj.pk])


@admin.register(PriceCategory)
class PriceCategoryAdmin(TenantAdmin[PriceCategory]):
    """What the seats of an event cost."""

    organisation_path = "event__organisation"
    may_delete = True
    list_display = ("name", "event", "price", "color")
    list_filter = (("event", TenantFilter),)
    list_select_related = ("event",)
    search_fields = ("name", "event__name")
    ordering = ("event", "position", "name")
    fields = (
        "event",
        "name",
        "color",
        "price_minor",
        "position",
        "limit_per_fan",
        "code_required",
    )

    @admin.display(description="Price", ordering="price_minor")
    def price(self, category: PriceCategory) -> str:
        """Write the price in the event's currency."""
        return format_money(category.price_minor, category.event.currency)


class SeatForm(TenantForm[Seat]):
    """A seat that may be blocked and released, while nobody has it."""

    status = forms.ChoiceField(
        choices=[
            (status.value, status.label) for status in (SeatStatus.AVAILABLE, SeatStatus.BLOCKED)
        ]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "category" in self.fields:
            self.fields["category"].queryset = PriceCategory.objects.filter(  # type: ignore[attr-defined]
                event_id=self.instance.event_id
            )


@admin.register(Seat)
class SeatAdmin(LargeList[Seat], TenantAdmin[Seat]):
    """Seats: made by an import; blocked, released and priced by hand."""

    organisation_path = "event__organisation"
    may_add = False
    form = SeatForm
    list_display = ("section", "row", "number", "status", "category", "price", "event")
    list_filter = ("status", ("event", TenantFilter))
    list_select_related = ("event", "category")
    search_fields = ("guid__startswith",)
    search_help_text = "The beginning of its name in the plan; in one event: A-12, section, row"
    ordering = ("event", "guid")  # as its unique index does; the plan's own order in one event
    fields = (
        "event",
        "guid",
        "section",
        "row",
        "number",
        "category",
        "accessible",
        "status",
        "changed_at",
    )
    readonly_fields = ("guid", "section", "row", "number", "changed_at")

    def has_change_permission(self, request: HttpRequest, obj: Seat | None = None) -> bool:
        """Never touch a seat that somebody has, also if it was sold since the form was shown."""
        taken = obj is not None and obj.status in {SeatStatus.SOLD, SeatStatus.HELD}
        return super().has_change_permission(request, obj) and not taken

    def save_model(self, request: HttpRequest, obj: Seat, form: Any, change: bool) -> None:
        """Save what the form has, and tell who watches the seats' availability."""
        obj.changed_at = timezone.now()
        obj.save(update_fields=["category", "accessible", "status", "changed_at"])

    def get_ordering(self, request: HttpRequest) -> Any:
        """Order an event's seats as the plan does."""
        return ("position", "guid") if self.is_bounded(request) else self.ordering

    def searched(self, request: HttpRequest, term: str) -> Iterable[dict[str, Any]]:
        """Look in one event for its label, section and row too: no index has those."""
        yield from super().searched(request, term)
        if self.is_bounded(request):
            event = {"event_id": as_uuid(request.GET["event__id__exact"])}
            row, _, number = term.rpartition("-")
            yield {**event, "row__iexact": row.strip(), "number__iexact": number.strip()}
            yield {**event, "section__istartswith": term}
            yield {**event, "row__iexact": term}

    @admin.display(description="Price", ordering="category__price_minor")
    def price(self, seat: Seat) -> str:
        """Write the price in the event's currency."""
        return format_money(seat.category.price_minor, seat.event.currency)


@admin.register(Allowance)
class AllowanceAdmin(LargeList[Allowance], ReadOnlyTenantAdmin[Allowance]):
    """How many tickets a fan has; the sale counts."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE
    list_display = ("fan", "event", "used")
    list_filter = (("event", TenantFilter),)
    list_select_related = ("event", "fan")
    search_fields = names_of("fan")
    search_help_text = "The beginning of a fan's e-mail address, name or last name"
    ordering = ("event", "fan")


@admin.register(CategoryAllowance)
class CategoryAllowanceAdmin(LargeList[CategoryAllowance], ReadOnlyTenantAdmin[CategoryAllowance]):
    """How many tickets of a category a fan has; the sale counts."""

    organisation_path = "category__event__organisation"
    bounded_by = "category__event"
    view_role = Role.BOX_OFFICE
    list_display = ("fan", "category", "used")
    list_filter = (("category__event", TenantFilter),)
    list_select_related = ("category__event", "fan")
    search_fields = names_of("fan")
    search_help_text = "The beginning of a fan's e-mail address, name or last name"
    ordering = ("category", "fan")
