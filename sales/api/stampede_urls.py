"""Simulated on-sales, below /api/v1/stampedes/."""

from __future__ import annotations

from sales.api import stampedes
from worldseat.api.paths import at

urlpatterns = [
    at("", stampedes.StampedesView, "stampedes"),
    at("<uuid:stampede_id>/", stampedes.StampedeView, "stampede"),
    at("<uuid:stampede_id>/stop/", stampedes.StopStampedeView, "stop-stampede"),
]
