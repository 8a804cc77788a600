"""Events, charts and orders as JSON."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Organisation
from sales.events import is_on_sale
from sales.models import Event, Order, PriceCategory, PriceType, Seat, SeatStatus, Ticket, Venue
from sales.pricing import price_of
from worldseat.api.money import Money, money
from worldseat.api.parsing import StrictSerializer, TextField, UUIDField

__all__ = [
    "AvailabilityOut",
    "AvailabilityQuery",
    "ChartOut",
    "EventOut",
    "EventsQuery",
    "OrderOut",
    "PurchaseIn",
    "VenueOut",
]


class SwitchField(serializers.ChoiceField):
    """`true` or `false`, as a query parameter has it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=["true", "false"], **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Return the switch."""
        return super().to_internal_value(data) == "true"


class EventsQuery(StrictSerializer):
    """Which events to list."""

    organisation = TextField(
        required=False,
        max_length=50,
        validators=[RegexValidator(r"\A[-a-zA-Z0-9_]+\Z", "Use the id or the slug of one.")],
        help_text="The id or the slug of an organisation.",
    )
    q = TextField(
        required=False, max_length=100, help_text="Words of the name, the venue or the city."
    )
    on_sale = SwitchField(required=False, help_text="Whether seats can be bought right now.")


class AvailabilityQuery(StrictSerializer):
    """From where on to tell changes."""

    since = TextField(required=False, max_length=200, help_text="The cursor of the last answer.")


class CodeField(TextField):
    """A presale code, as a fan types it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=40, help_text="A presale code.", **kwargs)


class PurchaseIn(StrictSerializer):
    """What to buy."""

    seat = UUIDField()
    price_type = UUIDField(required=False, help_text="One of the category's; else the full price.")
    code = CodeField(required=False)


class OrganisationOut(serializers.ModelSerializer[Organisation]):
    """Who sells."""

    class Meta:
        model = Organisation
        fields: ClassVar = ["id", "name", "slug"]


class VenueOut(serializers.ModelSerializer[Venue]):
    """Where it happens."""

    class Meta:
        model = Venue
        fields: ClassVar = ["id", "name", "city", "time_zone"]


class PriceTypeOut(serializers.Serializer[Any]):
    """What some pay instead of the full price, fees included."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    price = Money()
    fee = Money()


class CategoryOut(serializers.ModelSerializer[PriceCategory]):
    """What a seat costs, fees included; `fee` is the part that is fees."""

    price = serializers.SerializerMethodField()
    fee = serializers.SerializerMethodField()
    price_types = serializers.SerializerMethodField()

    class Meta:
        model = PriceCategory
        fields: ClassVar = [
            "id",
            "name",
            "color",
            "price",
            "fee",
            "price_types",
            "limit_per_fan",
            "code_required",
        ]

    @extend_schema_field(Money)
    def get_price(self, category: PriceCategory) -> dict[str, Any]:
        """Return what is asked for, in the event's currency."""
        return money(price_of(category.event, category).total_minor, category.event.currency)

    @extend_schema_field(Money)
    def get_fee(self, category: PriceCategory) -> dict[str, Any]:
        """Return the part of it that is fees."""
        return money(price_of(category.event, category).fee_minor, category.event.currency)

    @extend_schema_field(PriceTypeOut(many=True))
    def get_price_types(self, category: PriceCategory) -> list[dict[str, Any]]:
        """Return the other prices, in the organiser's order."""
        listed = sorted(category.price_types.all(), key=lambda each: (each.position, each.name))
        return [_price_type(category, each) for each in listed]


def _price_type(category: PriceCategory, price_type: PriceType) -> dict[str, Any]:
    price, currency = price_of(category.event, category, price_type), category.event.currency
    return {
        "id": price_type.pk,
        "name": price_type.name,
        "price": money(price.total_minor, currency),
        "fee": money(price.fee_minor, currency),
    }


class EventOut(serializers.ModelSerializer[Event]):
    """An event; `on_sale` says whether seats can be bought right now."""

    organisation = OrganisationOut()
    venue = VenueOut()
    categories = serializers.SerializerMethodField()
    on_sale = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields: ClassVar = [
            "id",
            "name",
            "slug",
            "description",
            "organisation",
            "venue",
            "starts_at",
            "on_sale_at",
            "off_sale_at",
            "on_sale",
            "state",
            "currency",
            "limit_per_fan",
            "has_waiting_room",
            "has_waitlist",
            "is_simulation",
            "categories",
        ]

    @extend_schema_field(CategoryOut(many=True))
    def get_categories(self, event: Event) -> Any:
        """Return the categories in the organiser's order."""
        categories = sorted(event.categories.all(), key=lambda each: (each.position, each.name))
        return CategoryOut(categories, many=True).data

    def get_on_sale(self, event: Event) -> bool:
        """Tell whether the event sells now."""
        return is_on_sale(event, now=timezone.now())


class ChartSeatOut(serializers.Serializer[Any]):
    """A seat of the chart; x and y count from the plan's upper left corner."""

    id = serializers.UUIDField()
    guid = serializers.CharField(help_text="Its name in the seating plan.")
    number = serializers.CharField()
    x = serializers.FloatField()
    y = serializers.FloatField()
    category = serializers.UUIDField()


class ChartRowOut(serializers.Serializer[Any]):
    """A row of seats."""

    name = serializers.CharField()
    seats = ChartSeatOut(many=True)


class ChartSectionOut(serializers.Serializer[Any]):
    """A section; the positions of its areas count from its own x and y."""

    name = serializers.CharField()
    x = serializers.FloatField()
    y = serializers.FloatField()
    areas = serializers.ListField(
        child=serializers.DictField(), help_text="Shapes to draw, in pretix's format."
    )
    rows = ChartRowOut(many=True)


class ChartOut(serializers.Serializer[Any]):
    """The chart of an event: all that does not change while it sells."""

    event = serializers.UUIDField()
    name = serializers.CharField(help_text="The plan's name.")
    width = serializers.FloatField()
    height = serializers.FloatField()
    seat_count = serializers.IntegerField()
    categories = CategoryOut(many=True)
    sections = ChartSectionOut(many=True)


class CategoryCountsOut(serializers.Serializer[Any]):
    """How many seats of a category have which status."""

    category = serializers.UUIDField()
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    sold = serializers.IntegerField()
    blocked = serializers.IntegerField()


class ChangeOut(serializers.Serializer[Any]):
    """A seat and its status."""

    seat = serializers.UUIDField()
    status = serializers.ChoiceField(SeatStatus.choices)


class AvailabilityOut(serializers.Serializer[Any]):
    """Which seats can be had."""

    cursor = serializers.CharField(help_text="Send it as `since` next time.")
    age = serializers.FloatField(help_text="Seconds since this was read from the database.")
    counts = CategoryCountsOut(many=True)
    changed = ChangeOut(
        many=True,
        help_text=(
            "Without `since`: every seat that is not available. With it: every seat that has "
            "changed since, and perhaps some that you know already."
        ),
    )


class SeatOut(serializers.ModelSerializer[Seat]):
    """The place a ticket is for."""

    class Meta:
        model = Seat
        fields: ClassVar = ["id", "guid", "section", "row", "number", "label"]


class TicketOut(serializers.ModelSerializer[Ticket]):
    """The right to one seat."""

    seat = SeatOut()
    price = serializers.SerializerMethodField()
    fee = serializers.SerializerMethodField()

    class Meta:
        model = Ticket
        fields: ClassVar = ["id", "seat", "state", "price", "fee", "price_type"]

    @extend_schema_field(Money)
    def get_price(self, ticket: Ticket) -> dict[str, Any]:
        """Return what it cost, fees included."""
        return money(ticket.total_minor, ticket.currency)

    @extend_schema_field(Money)
    def get_fee(self, ticket: Ticket) -> dict[str, Any]:
        """Return the part of it that is fees."""
        return money(ticket.fee_minor, ticket.currency)


class OrderEventOut(serializers.ModelSerializer[Event]):
    """The event of an order."""

    class Meta:
        model = Event
        fields: ClassVar = ["id", "name", "starts_at"]


class OrderOut(serializers.ModelSerializer[Order]):
    """An order with its tickets."""

    event = OrderEventOut()
    total = serializers.SerializerMethodField()
    fees = serializers.SerializerMethodField()
    refunded = serializers.SerializerMethodField()
    tickets = TicketOut(many=True)

    class Meta:
        model = Order
        fields: ClassVar = [
            "id",
            "reference",
            "event",
            "state",
            "total",
            "fees",
            "refunded",
            "region",
            "created_at",
            "tickets",
        ]

    @extend_schema_field(Money)
    def get_total(self, order: Order) -> dict[str, Any]:
        """Return what was asked for, fees included."""
        return money(order.total_minor, order.currency)

    @extend_schema_field(Money)
    def get_fees(self, order: Order) -> dict[str, Any]:
        """Return the part of it that is fees."""
        return money(order.fees_minor, order.currency)

    @extend_schema_field(Money)
    def get_refunded(self, order: Order) -> dict[str, Any]:
        """Return what went back."""
        return money(order.refunded_minor, order.currency)
