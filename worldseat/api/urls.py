"""Every path of the API, below /api/."""

from __future__ import annotations

from django.urls import include, path, re_path

from worldseat.api import errors, schema

app_name = "api"

urlpatterns = [
    path("v1/schema/", schema.SchemaView.as_view(), name="schema"),
    path("v1/docs/", schema.DocsView.as_view(), name="docs"),
    path("v1/", include("accounts.api.urls")),
    path("v1/", include("sales.api.urls")),
    re_path("", errors.NothingHere.as_view()),
]
