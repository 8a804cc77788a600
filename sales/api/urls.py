"""The API's paths of sales, below /api/v1/."""

from __future__ import annotations

from sales.api import holds, orders, plans, purchases, queue, refunds, tickets, views, waitlist
from worldseat.api.paths import at
from worldseat.loading import include_later

# What fans do.
_fans = [
    at("events/", views.EventListView, "event-list"),
    at("events/<uuid:event_id>/", views.EventView, "event"),
    at("events/<uuid:event_id>/plan/", plans.PlanView, "plan"),
    at("events/<uuid:event_id>/availability/", views.AvailabilityView, "availability"),
    at("events/<uuid:event_id>/purchases/", purchases.PurchaseView, "purchases"),
    at("events/<uuid:event_id>/holds/", holds.HoldsView, "holds"),
    at("events/<uuid:event_id>/queue/", queue.QueueView, "queue"),
    at("events/<uuid:event_id>/queue/<ticket>/", queue.QueueTicketView, "queue-ticket"),
    at("events/<uuid:event_id>/waitlist/", waitlist.WaitlistView, "waitlist"),
    at("holds/<uuid:hold_id>/", holds.HoldView, "hold"),
    at("holds/<uuid:hold_id>/extend/", holds.ExtendHoldView, "extend-hold"),
    at("orders/", orders.OrderListView, "order-list"),
    at("orders/<uuid:order_id>/", orders.OrderView, "order"),
    at("orders/<uuid:order_id>/cancel/", orders.CancelOrderView, "order-cancel"),
    at("tickets/<uuid:ticket_id>/", tickets.TicketView, "ticket"),
    at("tickets/<uuid:ticket_id>/qr.svg", tickets.TicketQRView, "ticket-qr"),
    at("tickets/<uuid:ticket_id>/ticket.pdf", tickets.TicketPDFView, "ticket-pdf"),
    at("tickets/<uuid:ticket_id>/reissue/", tickets.TicketReissueView, "ticket-reissue"),
    at("tickets/<uuid:ticket_id>/exchange/", refunds.ExchangeView, "ticket-exchange"),
]

urlpatterns = [
    *_fans,
    include_later("stampedes/", "sales.api.stampede_urls"),
    include_later("organiser/", "sales.api.organiser_urls"),
]
