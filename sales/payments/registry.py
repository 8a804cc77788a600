"""Which providers there are: the setting PAYMENT_PROVIDERS, name -> class."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from sales.payments.protocol import Provider

__all__ = ["UnknownProvider", "provider_named"]


class UnknownProvider(LookupError):
    """There is no such way to pay."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Pay with one of: {', '.join(sorted(settings.PAYMENT_PROVIDERS))}.")
        self.name = name


def provider_named(name: str) -> Provider:
    """Return a provider; raises UnknownProvider."""
    path = settings.PAYMENT_PROVIDERS.get(name)
    if path is None:
        raise UnknownProvider(name)
    provider: Provider = import_string(path)()
    return provider
