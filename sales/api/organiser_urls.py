"""The organisers' paths, below /api/v1/organiser/."""

from __future__ import annotations

from django.urls import include, path

from sales.api import (
    doors,
    organiser_events,
    organiser_queues,
    organiser_seats,
    presale_codes,
    refunds,
    reports,
    scans,
    webhooks,
)
from worldseat.api.paths import at

# One event of an organiser's.
_event = [
    at("scans/", doors.ScanReportsView, "scan-reports"),
    at("door-tickets/", doors.DoorTicketsView, "door-tickets"),
    at("", organiser_events.OrganiserEventView, "organiser-event"),
    at("publish/", organiser_events.PublishView, "publish"),
    at("pause/", organiser_events.PauseView, "pause"),
    at("resume/", organiser_events.ResumeView, "resume"),
    at("close/", organiser_events.CloseView, "close"),
    at("cancel/", organiser_events.CancelView, "cancel"),
    at("refunds/", organiser_events.OrganiserRefundsView, "event-refunds"),
    at("duplicate/", organiser_events.OrganiserDuplicateView, "duplicate"),
    at("seats/", organiser_seats.OrganiserSeatsView, "organiser-seats"),
    at("presale-codes/", presale_codes.PresaleCodesView, "presale-codes"),
    at("presale-codes/withdraw/", presale_codes.WithdrawCodesView, "withdraw-presale-codes"),
    at("queue/", organiser_queues.OrganiserQueueView, "organiser-queue"),
    at("waitlist/", organiser_queues.OrganiserWaitlistView, "organiser-waitlist"),
    at("waitlist/entries/", organiser_queues.WaitlistEntriesView, "organiser-waitlist-entries"),
    at("report/", reports.EventReportView, "event-report"),
    at("orders.csv", reports.EventOrdersView, "event-orders-csv"),
    at("refused-tickets/", scans.RefusedTicketsView, "refused-tickets"),
]

# One webhook.
_webhook = [
    at("", webhooks.WebhookView, "webhook"),
    at("secret/", webhooks.SecretView, "webhook-secret"),
    at("ping/", webhooks.PingView, "webhook-ping"),
    at("deliveries/", webhooks.DeliveriesView, "webhook-deliveries"),
    at("deliveries/<uuid:delivery_id>/redeliver/", webhooks.RedeliverView, "webhook-redeliver"),
]

# The rest of an organiser's.
_organiser = [
    at("orders/<uuid:order_id>/refund/", refunds.RefundView, "order-refund"),
    at(
        "tickets/<uuid:ticket_id>/exchange/",
        refunds.OrganiserExchangeView,
        "organiser-ticket-exchange",
    ),
    at("venues/", organiser_events.OrganiserVenuesView, "venues"),
    at("events/", organiser_events.OrganiserEventsView, "organiser-events"),
    at("jobs/<uuid:job_id>/", organiser_seats.JobView, "job"),
    at("jobs/<uuid:job_id>/results/", organiser_seats.JobResultsView, "job-results"),
    at("webhooks/", webhooks.WebhooksView, "webhooks"),
    at("scan/", scans.ScanView, "scan"),
    at("scan/keys/", scans.ScanKeysView, "scan-keys"),
]

urlpatterns = [
    *_organiser,
    path("events/<uuid:event_id>/", include(_event)),
    path("webhooks/<uuid:webhook_id>/", include(_webhook)),
]
