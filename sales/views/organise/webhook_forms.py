"""The form of a webhook."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Organisation
from sales.telling.endpoints import SUBSCRIBABLE
from worldseat.outbound import ForbiddenURL, check_url

__all__ = ["NewWebhookForm", "WebhookForm"]


class WebhookForm(forms.Form):
    """What a manager says of a webhook."""

    url = forms.CharField(
        max_length=500,
        label="URL",
        help_text="It gets a POST for each message. https://, at a public address.",
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    description = forms.CharField(
        max_length=200, required=False, help_text="For you: what it is there for."
    )
    kinds = forms.MultipleChoiceField(
        choices=[(str(kind), str(kind.label)) for kind in SUBSCRIBABLE],
        required=False,
        label="What it is told",
        widget=forms.CheckboxSelectMultiple,
    )
    enabled = forms.BooleanField(required=False, initial=True, label="Enabled")

    def clean_url(self) -> str:
        """Refuse what nothing may be sent to."""
        url = str(self.cleaned_data["url"])
        try:
            check_url(url)
        except ForbiddenURL as error:
            raise forms.ValidationError(str(error)) from None
        return url

    def changes(self) -> dict[str, Any]:
        """Return what is different from what the form showed, by field."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class NewWebhookForm(WebhookForm):
    """A webhook to be made, and whose."""

    organisation = forms.ModelChoiceField(Organisation.objects.none(), empty_label=None)
    field_order = ("organisation",)

    def __init__(self, *args: Any, organisations: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organisation"].queryset = organisations  # type: ignore[attr-defined] # a choice
