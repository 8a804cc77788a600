"""Ways to pay: what a provider has to be able to do, and which there are."""

from sales.payments.protocol import Authorization, Provider, Refused, TimedOut
from sales.payments.registry import UnknownProvider, provider_named

__all__ = [
    "Authorization",
    "Provider",
    "Refused",
    "TimedOut",
    "UnknownProvider",
    "provider_named",
]
