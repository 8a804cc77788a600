"""The organisers' side, in Django's admin: one module a family of models."""

from sales.admin import (
    events,
    holds,
    jobs,
    orders,
    payments,
    prices,
    queues,
    stampedes,
    venues,
    webhooks,
)

__all__ = [
    "events",
    "holds",
    "jobs",
    "orders",
    "payments",
    "prices",
    "queues",
    "stampedes",
    "venues",
    "webhooks",
]
