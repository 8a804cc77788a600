"""Events and what their seats cost."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models

from accounts.models import Organisation, TenantManager, TenantModel
from accounts.tenancy import organisations_of
from sales.models.venues import SeatingPlan, Venue


class EventState(models.TextChoices):
    """Whether an event may be seen and sold; see also its on-sale window."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    PAUSED = "paused", "Paused"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"


class EventQuerySet(models.QuerySet["Event"]):
    """Events, by who may see them."""

    def public(self) -> EventQuerySet:
        """Return what fans may see: no drafts, and no event whose seats are not complete."""
        return self.exclude(state=EventState.DRAFT).filter(plan__isnull=False)

    def visible_to(self, user: Any) -> EventQuerySet:
        """Return what a user may see: the public events and her organisation's own."""
        own = models.Q(organisation__in=organisations_of(user))
        public = ~models.Q(state=EventState.DRAFT) & models.Q(plan__isnull=False)
        return self.filter(public | own)

    def on_sale(self, now: datetime, *, sells: bool = True) -> EventQuerySet:
        """Return the events that sell at an instant, or those that do not."""
        sale = models.Q(
            state=EventState.PUBLISHED,
            on_sale_at__lte=now,
            off_sale_at__gt=now,
            plan__isnull=False,
        )
        return self.filter(sale if sells else ~sale)

    def matching(self, words: str) -> EventQuerySet:
        """Return the events with each of some words in their name, venue or city."""
        found = self
        for word in words.split():
            found = found.filter(
                models.Q(name__icontains=word)
                | models.Q(venue__name__icontains=word)
                | models.Q(venue__city__icontains=word)
            )
        return found


class Event(TenantModel):
    """Something that happens once, in a venue, with seats for sale."""

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="events")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="events")
    plan = models.ForeignKey(
        SeatingPlan,
        on_delete=models.PROTECT,
        related_name="events",
        null=True,
        blank=True,
        editable=False,
        help_text="Set when the seats of the plan are complete.",
    )
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80)
    description = models.TextField(blank=True)
    starts_at = models.DateTimeField()
    on_sale_at = models.DateTimeField()
    off_sale_at = models.DateTimeField()
    state = models.CharField(max_length=20, choices=EventState.choices, default=EventState.DRAFT)
    currency = models.CharField(
        max_length=3,
        validators=[RegexValidator(r"^[A-Z]{3}$", "Use an ISO 4217 code, such as EUR.")],
    )
    limit_per_fan = models.PositiveIntegerField(default=4)
    hold_seconds = models.PositiveIntegerField(
        default=600, help_text="How long a hold keeps its seats."
    )
    hold_limit_seconds = models.PositiveIntegerField(
        default=1800, help_text="How long at most, when it is extended."
    )
    fee_minor = models.PositiveIntegerField(
        default=0, help_text="Fee a ticket, in minor units; part of every price shown."
    )
    fee_basis_points = models.PositiveIntegerField(
        default=0, help_text="Fee a ticket as a share of its price: 250 is 2.5 %."
    )
    fans_cancel_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Until when fans may cancel and exchange by themselves; empty: never.",
    )
    has_waiting_room = models.BooleanField(
        default=False,
        editable=False,
        help_text="Whether buying takes a pass from its waiting room; sales.waiting_room sets it.",
    )
    has_waitlist = models.BooleanField(
        default=False,
        editable=False,
        help_text="Whether seats that come back are kept for its waitlist for a moment; "
        "sales.waitlist sets it.",
    )
    is_simulation = models.BooleanField(
        default=False, help_text="Stampedes may run here; nothing that is sold is real."
    )
    chart_version = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Counted up when seats change their category or place: drawings are kept by it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = TenantManager.from_queryset(EventQuerySet)()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "slug"], name="event_slug_is_unique"),
            models.CheckConstraint(
                condition=models.Q(off_sale_at__gt=models.F("on_sale_at")),
                name="event_sale_window_is_open",
                violation_error_message="The sale has to end after it starts.",
            ),
            models.CheckConstraint(
                condition=models.Q(limit_per_fan__gte=1), name="event_limit_is_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=EventState.values), name="event_state_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    hold_seconds__gte=1, hold_limit_seconds__gte=models.F("hold_seconds")
                ),
                name="event_holds_last",
                violation_error_message="A hold has to last, and its limit to be no shorter.",
            ),
            models.CheckConstraint(
                condition=models.Q(fee_basis_points__lte=10_000), name="event_fee_is_a_share"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["starts_at"], name="event_starts_at")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_public(self) -> bool:
        """Tell whether fans may see it: see EventQuerySet.public."""
        return self.state != EventState.DRAFT and self.plan_id is not None

    @property
    def is_ended(self) -> bool:
        """Tell whether it was closed or cancelled: nothing is sold any more, whatever the time."""
        return self.state in {EventState.CLOSED, EventState.CANCELLED}


class PriceCategory(TenantModel):
    """What a seat of a category costs at an event, in minor units of its currency."""

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="categories")
    name = models.CharField(max_length=100)
    color = models.CharField(
        max_length=7,
        default="#577590",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "Use a colour such as #577590.")],
    )
    price_minor = models.PositiveIntegerField(help_text="In minor units: 4500 is 45.00 EUR.")
    position = models.PositiveIntegerField(default=0)
    limit_per_fan = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tickets of this category a fan; empty: the event's."
    )
    code_required = models.BooleanField(
        default=False, help_text="Sold only to who has a presale code for it."
    )

    class Meta:
        verbose_name_plural = "price categories"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "name"], name="category_name_is_unique"),
            models.CheckConstraint(
                condition=models.Q(limit_per_fan__isnull=True) | models.Q(limit_per_fan__gte=1),
                name="category_limit_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PriceType(TenantModel):
    """What some pay for a seat of a category instead of its price: a concession, a child."""

    tenant_field = "category"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    category = models.ForeignKey(
        PriceCategory, on_delete=models.CASCADE, related_name="price_types"
    )
    name = models.CharField(max_length=100)
    price_minor = models.PositiveIntegerField(help_text="In minor units: 4500 is 45.00 EUR.")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["category", "name"], name="price_type_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class PresaleCode(TenantModel):
    """A code that opens a sale to who has it: before the on-sale, or a category of its own.

    `used` counts tickets and held seats, and never too few: it is written by every sale under a
    code with a cap, so that two sales that would pass it conflict. Expired holds may still be in
    it; `sales.codes` counts again when the cap is reached.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="codes")
    code = models.CharField(
        max_length=40,
        validators=[RegexValidator(r"^[A-Z0-9-]+$", "Use capital letters, digits and hyphens.")],
    )
    category = models.ForeignKey(
        PriceCategory,
        on_delete=models.CASCADE,
        related_name="codes",
        null=True,
        blank=True,
        help_text="The one category it is good for; empty: all.",
    )
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    cap = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tickets that may be sold under it; empty: any number."
    )
    used = models.PositiveIntegerField(default=0, editable=False)
    disabled_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when nobody may use it any more; what is held under it can be paid.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "code"], name="code_is_unique"),
            models.CheckConstraint(
                condition=models.Q(valid_until__gt=models.F("valid_from")),
                name="code_window_is_open",
                violation_error_message="The code has to end after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return self.code
