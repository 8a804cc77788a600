"""Forms of venues and plans: a file, a table, or sections by numbers."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from accounts.models import Organisation
from sales.plans import BadNumbers, Block, Plan, parse_plan, parse_table, plan_by_numbers
from worldseat.money import minor_units

__all__ = ["BlockFormSet", "PricesForm", "UploadForm", "VenueForm", "plan_by_blocks"]

# A stadium of 100,000 seats takes about 16 MiB.
LARGEST_UPLOAD = 24 * 1024 * 1024


class VenueForm(forms.Form):
    """A place where events happen."""

    organisation = forms.ModelChoiceField(Organisation.objects.none(), empty_label=None)
    name = forms.CharField(max_length=200)
    city = forms.CharField(max_length=200, required=False)
    time_zone = forms.ChoiceField(
        initial="UTC",
        help_text="Fans read all times as the clocks there show them.",
        error_messages={"invalid_choice": "Use a name such as Europe/Lisbon."},
    )

    def __init__(self, *args: Any, organisations: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(name, name) for name in sorted(zoneinfo.available_timezones())]
        self.fields["time_zone"].choices = zones  # type: ignore[attr-defined] # a choice field
        self.fields["organisation"].queryset = organisations  # type: ignore[attr-defined] # a choice


class UploadForm(forms.Form):
    """A plan as pretix's editor saves it (JSON), or a table (CSV)."""

    file = forms.FileField(
        label="Plan (JSON) or table (CSV)",
        help_text=f"At most {LARGEST_UPLOAD // 1024**2} MiB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".json,.csv,.txt"}),
    )

    def clean_file(self) -> UploadedFile[Any]:
        """Refuse what is too large."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_UPLOAD:
            raise forms.ValidationError(
                f"The file has {(file.size or 0) / 1024**2:.1f} MiB; at most "
                f"{LARGEST_UPLOAD // 1024**2} MiB are taken. Nothing was changed."
            )
        return file

    def plan(self) -> Plan:
        """Read the file; raises PlanUnreadable and PlanInvalid."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        data = file.read()
        name = str(file.name or "Plan")
        looks_like_json = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
        if name.lower().endswith(".json") or looks_like_json:
            return parse_plan(data)
        return parse_table(data, name=re.sub(r"\.[^.]*$", "", name)[:150] or "Plan")


class BlockForm(forms.Form):
    """A section by numbers."""

    section = forms.CharField(max_length=200)
    rows = forms.CharField(max_length=200, help_text="A-H, 1-20, or A-H,AA-AF")
    skip = forms.CharField(
        max_length=26, required=False, label="Letters left out", help_text="Such as IO"
    )
    seats = forms.CharField(
        max_length=2000, label="Seats a row", help_text="12, or one a row: 10,12,12,14"
    )
    first = forms.IntegerField(min_value=0, max_value=10_000, initial=1, label="First number")
    numbering = forms.ChoiceField(
        choices=[
            ("1", "1, 2, 3 … from the left"),
            ("-1", "1, 2, 3 … from the right"),
            ("2", "every other, from the left"),
            ("-2", "every other, from the right"),
        ],
        help_text="Every other: first number 1 makes odd ones, 2 even ones.",
    )
    category = forms.CharField(max_length=100, initial="Standard")
    spacing = forms.FloatField(min_value=5, max_value=200, initial=25)

    def clean_seats(self) -> tuple[int, ...]:
        """Return the numbers of seats."""
        parts = [part.strip() for part in self.cleaned_data["seats"].split(",")]
        if not all(part.isascii() and part.isdecimal() and len(part) <= 4 for part in parts):
            raise forms.ValidationError("Write 12, or one number a row: 10,12,12,14.")
        return tuple(int(part) for part in parts)

    def block(self) -> Block:
        """Return what is asked for."""
        given = self.cleaned_data
        seats, step = given["seats"], int(given["numbering"])
        return Block(
            section=given["section"],
            rows=given["rows"],
            seats=seats[0],
            seats_by_row=seats if len(seats) > 1 else (),
            category=given["category"],
            skip=given["skip"],
            first=given["first"],
            step=abs(step),
            backwards=step < 0,
            spacing=given["spacing"],
        )


BlockFormSet = forms.formset_factory(BlockForm, extra=1, max_num=40, validate_max=True)


def plan_by_blocks(formset: Any) -> Plan:
    """Make a plan of filled-in sections; raises BadNumbers and PlanInvalid."""
    blocks: Sequence[Block] = [form.block() for form in formset if form.has_changed()]
    if not blocks:
        raise BadNumbers("Name at least one section.")
    return plan_by_numbers(blocks)


class PricesForm(forms.Form):
    """An event for a plan, and what each of the plan's categories costs there."""

    event = forms.ChoiceField()

    def __init__(self, *args: Any, events: Sequence[Any], names: Sequence[str], **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.events = {str(event.pk): event for event in events}
        self.fields["event"].choices = [  # type: ignore[attr-defined] # a choice field
            (key, f"{event.name}, {event.starts_at:%d %b %Y} ({event.currency})")
            for key, event in self.events.items()
        ]
        self.names = list(names)
        for at, name in enumerate(self.names):
            self.fields[f"price{at}"] = forms.CharField(max_length=20, label=f"Price of {name}")

    def prices(self) -> dict[str, int]:
        """Return the prices in minor units; raises ValueError with the field's name."""
        currency = self.events[self.cleaned_data["event"]].currency
        found = {}
        for at, name in enumerate(self.names):
            try:
                found[name] = minor_units(self.cleaned_data[f"price{at}"], currency)
            except ValueError:
                raise ValueError(f"price{at}") from None
        return found
