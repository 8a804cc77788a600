"""The API's paths of sales, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from sales.api import purchases, views

urlpatterns = [
    path("events/", views.EventListView.as_view(), name="event-list"),
    path("events/<uuid:event_id>/", views.EventView.as_view(), name="event"),
    path("events/<uuid:event_id>/plan/", views.PlanView.as_view(), name="plan"),
    path(
        "events/<uuid:event_id>/availability/",
        views.AvailabilityView.as_view(),
        name="availability",
    ),
    path("events/<uuid:event_id>/purchases/", purchases.PurchaseView.as_view(), name="purchases"),
    path("orders/", views.OrderListView.as_view(), name="order-list"),
    path("orders/<uuid:order_id>/", views.OrderView.as_view(), name="order"),
]
