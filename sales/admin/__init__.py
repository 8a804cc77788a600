"""The organisers' side, in Django's admin: one module a family of models."""

from sales.admin import events, orders, stampedes, venues

__all__ = ["events", "orders", "stampedes", "venues"]
