"""The sales app: venues, events, seats, orders, tickets, stampedes."""

from __future__ import annotations

from django.apps import AppConfig


class SalesConfig(AppConfig):
    """Everything that is sold, and the simulation that tries to sell it twice."""

    name = "sales"
