"""Forms of an event: its rules as people write them, in minutes, money and percent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import timezone

from accounts.tenancy import as_uuid
from sales.models import Event, Venue
from worldseat.money import as_decimal, minor_units

__all__ = ["DuplicateForm", "InstantField", "NewEventForm", "RulesForm", "put_times_at"]


class InstantField(forms.DateTimeField):
    """A time as the clocks of a place show it, with the browser's picker."""

    zone: tzinfo = UTC

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "widget", forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        )
        super().__init__(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return what the picker shows."""
        with timezone.override(self.zone):
            return super().prepare_value(value)

    def to_python(self, value: Any) -> datetime | None:
        """Return the instant; refuses a time that the clocks skip or show twice."""
        with timezone.override(self.zone):
            return super().to_python(value)


def put_times_at(form: forms.Form, venue: Venue) -> None:
    """Let a form's times be those of a venue's clocks, and say so."""
    for field in _instants(form):
        field.zone = venue.zone
        field.label = f"{field.label} ({venue.zone})"


def _instants(form: forms.Form) -> list[InstantField]:
    return [each for each in form.fields.values() if isinstance(each, InstantField)]


class TimesForm(forms.Form):
    """A name, and when it is and sells."""

    name = forms.CharField(max_length=200)
    starts_at = InstantField(label="Starts")
    on_sale_at = InstantField(label="On sale from")
    off_sale_at = InstantField(label="On sale until")

    def clean(self) -> dict[str, Any]:
        """Refuse a sale that ends before it starts."""
        given = super().clean() or {}
        start, end = given.get("on_sale_at"), given.get("off_sale_at")
        if start and end and end <= start:
            self.add_error("off_sale_at", "The sale has to end after it starts.")
        return given


class RulesForm(TimesForm):
    """All that an organiser changes about an event."""

    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    limit_per_fan = forms.IntegerField(min_value=1, max_value=1000, label="Tickets a fan, at most")
    hold_minutes = forms.DecimalField(
        min_value=Decimal("0.5"),
        max_value=24 * 60,
        label="Minutes a hold lasts",
        help_text="How long seats are kept while somebody decides.",
    )
    hold_limit_minutes = forms.DecimalField(
        min_value=Decimal("0.5"), max_value=24 * 60, label="Minutes at most, when extended"
    )
    fee = forms.CharField(
        max_length=20, label="Fee a ticket", help_text="Part of every price shown."
    )
    fee_percent = forms.DecimalField(
        min_value=0, max_value=100, decimal_places=2, label="Fee in percent of the price"
    )
    fans_cancel_until = InstantField(
        required=False,
        label="Fans cancel and exchange until",
        help_text="Empty: never by themselves.",
    )

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        kwargs.setdefault("initial", _initial(event))
        super().__init__(*args, **kwargs)
        put_times_at(self, event.venue)
        self.event, self.currency = event, event.currency
        self.fields["fee"].label = f"Fee a ticket in {event.currency}"

    def clean_fee(self) -> int:
        """Return the fee in minor units."""
        try:
            amount = minor_units(self.cleaned_data["fee"], self.currency)
        except ValueError:
            amount = -1
        if not 0 <= amount < 2**31:
            raise forms.ValidationError("Write the fee as 1.50.")
        return amount

    def clean(self) -> dict[str, Any]:
        """Refuse a limit of extended holds that is shorter than a hold."""
        given = super().clean()
        shorter, longer = given.get("hold_minutes"), given.get("hold_limit_minutes")
        if shorter and longer and longer < shorter:
            self.add_error("hold_limit_minutes", "It may not be shorter than a hold.")
        return given

    def changes(self) -> dict[str, Any]:
        """Return the event's fields."""
        given = self.cleaned_data
        times = ("starts_at", "on_sale_at", "off_sale_at", "fans_cancel_until")
        return {
            **{name: given[name] for name in ("name", "description", "limit_per_fan")},
            **{name: _to_the_second(getattr(self.event, name), given[name]) for name in times},
            "hold_seconds": int(given["hold_minutes"] * 60),
            "hold_limit_seconds": int(given["hold_limit_minutes"] * 60),
            "fee_minor": given["fee"],
            "fee_basis_points": int(given["fee_percent"] * 100),
        }


def _to_the_second(old: datetime | None, new: datetime | None) -> datetime | None:
    """Keep a time that the form shows without its seconds, where nobody has changed it."""
    return old if old and new == old.replace(second=0, microsecond=0) else new


def _initial(event: Event) -> dict[str, Any]:
    plain = ("name", "description", "starts_at", "on_sale_at", "off_sale_at", "limit_per_fan")
    return {
        **{name: getattr(event, name) for name in plain},
        "fans_cancel_until": event.fans_cancel_until,
        "hold_minutes": (Decimal(event.hold_seconds) / 60).quantize(Decimal("0.01")),
        "hold_limit_minutes": (Decimal(event.hold_limit_seconds) / 60).quantize(Decimal("0.01")),
        "fee": str(as_decimal(event.fee_minor, event.currency)),
        "fee_percent": Decimal(event.fee_basis_points) / 100,
    }


class VenueField(forms.ModelChoiceField[Venue]):
    """A venue, told with the time zone that the times will be in."""

    def label_from_instance(self, obj: Venue) -> str:
        """Return the venue's name, its city and its time zone."""
        place = ", ".join(filter(None, [obj.name, obj.city]))
        return f"{place} ({obj.time_zone})"


class NewEventForm(TimesForm):
    """A new event: where, when by the clocks there, in which currency."""

    venue = VenueField(
        Venue.objects.none(),
        empty_label=None,
        help_text="All times are as the clocks there show them.",
    )
    currency = forms.CharField(
        max_length=3,
        initial="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", "Use an ISO 4217 code, such as EUR.")],
    )
    field_order = ("name", "venue", "starts_at", "on_sale_at", "off_sale_at", "currency")

    def __init__(self, *args: Any, venues: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["venue"].queryset = venues  # type: ignore[attr-defined] # a choice field
        chosen = venues.filter(pk=as_uuid(self.data.get("venue", ""))).first()
        for field in _instants(self) if chosen else ():
            field.zone = chosen.zone


class DuplicateForm(TimesForm):
    """The event once more, at another time."""

    with_codes = forms.BooleanField(required=False, label="Copy the presale codes too")

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        week = timedelta(days=7)
        kwargs.setdefault(
            "initial",
            {
                "name": event.name,
                "starts_at": event.starts_at + week,
                "on_sale_at": event.on_sale_at + week,
                "off_sale_at": event.off_sale_at + week,
            },
        )
        super().__init__(*args, **kwargs)
        put_times_at(self, event.venue)
