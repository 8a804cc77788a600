"""The API's paths of sales, below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, include, path
from rest_framework.views import APIView

from sales.api import (
    doors,
    holds,
    orders,
    organiser_events,
    organiser_queues,
    organiser_seats,
    plans,
    presale_codes,
    purchases,
    queue,
    refunds,
    reports,
    scans,
    stampedes,
    tickets,
    views,
    waitlist,
    webhooks,
)


def _at(route: str, view: type[APIView], name: str) -> URLPattern:
    return path(route, view.as_view(), name=name)


# What fans do.
_fans = [
    _at("events/", views.EventListView, "event-list"),
    _at("events/<uuid:event_id>/", views.EventView, "event"),
    _at("events/<uuid:event_id>/plan/", plans.PlanView, "plan"),
    _at("events/<uuid:event_id>/availability/", views.AvailabilityView, "availability"),
    _at("events/<uuid:event_id>/purchases/", purchases.PurchaseView, "purchases"),
    _at("events/<uuid:event_id>/holds/", holds.HoldsView, "holds"),
    _at("events/<uuid:event_id>/queue/", queue.QueueView, "queue"),
    _at("events/<uuid:event_id>/queue/<ticket>/", queue.QueueTicketView, "queue-ticket"),
    _at("events/<uuid:event_id>/waitlist/", waitlist.WaitlistView, "waitlist"),
    _at("holds/<uuid:hold_id>/", holds.HoldView, "hold"),
    _at("holds/<uuid:hold_id>/extend/", holds.ExtendHoldView, "extend-hold"),
    _at("orders/", orders.OrderListView, "order-list"),
    _at("orders/<uuid:order_id>/", orders.OrderView, "order"),
    _at("orders/<uuid:order_id>/cancel/", orders.CancelOrderView, "order-cancel"),
    _at("tickets/<uuid:ticket_id>/", tickets.TicketView, "ticket"),
    _at("tickets/<uuid:ticket_id>/qr.svg", tickets.TicketQRView, "ticket-qr"),
    _at("tickets/<uuid:ticket_id>/ticket.pdf", tickets.TicketPDFView, "ticket-pdf"),
    _at("tickets/<uuid:ticket_id>/reissue/", tickets.TicketReissueView, "ticket-reissue"),
    _at("tickets/<uuid:ticket_id>/exchange/", refunds.ExchangeView, "ticket-exchange"),
]

# One event of an organiser's.
_event = [
    _at("scans/", doors.ScanReportsView, "scan-reports"),
    _at("door-tickets/", doors.DoorTicketsView, "door-tickets"),
    _at("", organiser_events.OrganiserEventView, "organiser-event"),
    _at("publish/", organiser_events.PublishView, "publish"),
    _at("pause/", organiser_events.PauseView, "pause"),
    _at("resume/", organiser_events.ResumeView, "resume"),
    _at("close/", organiser_events.CloseView, "close"),
    _at("cancel/", organiser_events.CancelView, "cancel"),
    _at("refunds/", organiser_events.OrganiserRefundsView, "event-refunds"),
    _at("duplicate/", organiser_events.OrganiserDuplicateView, "duplicate"),
    _at("seats/", organiser_seats.OrganiserSeatsView, "organiser-seats"),
    _at("presale-codes/", presale_codes.PresaleCodesView, "presale-codes"),
    _at("presale-codes/withdraw/", presale_codes.WithdrawCodesView, "withdraw-presale-codes"),
    _at("queue/", organiser_queues.OrganiserQueueView, "organiser-queue"),
    _at("waitlist/", organiser_queues.OrganiserWaitlistView, "organiser-waitlist"),
    _at("waitlist/entries/", organiser_queues.WaitlistEntriesView, "organiser-waitlist-entries"),
    _at("report/", reports.EventReportView, "event-report"),
    _at("orders.csv", reports.EventOrdersView, "event-orders-csv"),
    _at("refused-tickets/", scans.RefusedTicketsView, "refused-tickets"),
]

# One webhook.
_webhook = [
    _at("", webhooks.WebhookView, "webhook"),
    _at("secret/", webhooks.SecretView, "webhook-secret"),
    _at("ping/", webhooks.PingView, "webhook-ping"),
    _at("deliveries/", webhooks.DeliveriesView, "webhook-deliveries"),
    _at("deliveries/<uuid:delivery_id>/redeliver/", webhooks.RedeliverView, "webhook-redeliver"),
]

# The rest of an organiser's.
_organiser = [
    _at("orders/<uuid:order_id>/refund/", refunds.RefundView, "order-refund"),
    _at(
        "tickets/<uuid:ticket_id>/exchange/",
        refunds.OrganiserExchangeView,
        "organiser-ticket-exchange",
    ),
    _at("venues/", organiser_events.OrganiserVenuesView, "venues"),
    _at("events/", organiser_events.OrganiserEventsView, "organiser-events"),
    _at("jobs/<uuid:job_id>/", organiser_seats.JobView, "job"),
    _at("jobs/<uuid:job_id>/results/", organiser_seats.JobResultsView, "job-results"),
    _at("webhooks/", webhooks.WebhooksView, "webhooks"),
    _at("scan/", scans.ScanView, "scan"),
    _at("scan/keys/", scans.ScanKeysView, "scan-keys"),
]

# Simulated on-sales.
_stampedes = [
    _at("stampedes/", stampedes.StampedesView, "stampedes"),
    _at("stampedes/<uuid:stampede_id>/", stampedes.StampedeView, "stampede"),
    _at("stampedes/<uuid:stampede_id>/stop/", stampedes.StopStampedeView, "stop-stampede"),
]

urlpatterns = [
    *_fans,
    *_stampedes,
    path("organiser/", include(_organiser)),
    path("organiser/events/<uuid:event_id>/", include(_event)),
    path("organiser/webhooks/<uuid:webhook_id>/", include(_webhook)),
]
