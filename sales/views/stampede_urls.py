"""The stampedes' pages, below /stampedes/; what they are named begins with `sales:`."""

from __future__ import annotations

from django.urls import path

from sales.views import comparisons, evidence, stampedes, starting

urlpatterns = [
    path("", stampedes.stampedes, name="stampede-list"),
    path("latest/", stampedes.latest, name="stampede-latest"),
    path("start/", starting.start, name="stampede-start"),
    path("<uuid:stampede_id>/stop/", starting.stop, name="stampede-stop"),
    path("side-by-side/", comparisons.comparison, name="stampede-comparison"),
    path("<uuid:stampede_id>/", stampedes.scoreboard, name="stampede"),
    path("<uuid:stampede_id>/live/", stampedes.live, name="stampede-live"),
    path("<uuid:stampede_id>/evidence/", evidence.evidence, name="stampede-evidence"),
    path("<uuid:stampede_id>/attempts.json", evidence.attempts_json, name="stampede-json"),
    path("<uuid:stampede_id>/attempts.csv", evidence.attempts_csv, name="stampede-csv"),
    path(
        "<uuid:stampede_id>/side-by-side/",
        comparisons.comparison,
        name="stampede-comparison",
    ),
]
