"""The paths of webhooks, below /organise/webhooks/."""

from __future__ import annotations

from django.urls import path

from sales.views.organise import webhooks

_ONE = "<uuid:endpoint_id>/"

urlpatterns = [
    path("", webhooks.webhooks, name="organise-webhooks"),
    path("new/", webhooks.new, name="organise-new-webhook"),
    path(_ONE, webhooks.webhook, name="organise-webhook"),
    path(f"{_ONE}change/", webhooks.change, name="organise-change-webhook"),
    path(f"{_ONE}secret/", webhooks.secret, name="organise-webhook-secret"),
    path(f"{_ONE}ping/", webhooks.try_out, name="organise-ping-webhook"),
    path(f"{_ONE}delete/", webhooks.delete, name="organise-delete-webhook"),
    path(
        f"{_ONE}deliveries/<uuid:delivery_id>/again/", webhooks.again, name="organise-deliver-again"
    ),
]
