"""The API's paths of sales, below /api/v1/."""

from __future__ import annotations

from django.urls import path

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

urlpatterns = [
    path("events/", views.EventListView.as_view(), name="event-list"),
    path("events/<uuid:event_id>/", views.EventView.as_view(), name="event"),
    path("events/<uuid:event_id>/plan/", plans.PlanView.as_view(), name="plan"),
    path(
        "events/<uuid:event_id>/availability/",
        views.AvailabilityView.as_view(),
        name="availability",
    ),
    path("events/<uuid:event_id>/purchases/", purchases.PurchaseView.as_view(), name="purchases"),
    path("events/<uuid:event_id>/holds/", holds.HoldsView.as_view(), name="holds"),
    path("events/<uuid:event_id>/queue/", queue.QueueView.as_view(), name="queue"),
    path(
        "events/<uuid:event_id>/queue/<ticket>/",
        queue.QueueTicketView.as_view(),
        name="queue-ticket",
    ),
    path("events/<uuid:event_id>/waitlist/", waitlist.WaitlistView.as_view(), name="waitlist"),
    path("holds/<uuid:hold_id>/", holds.HoldView.as_view(), name="hold"),
    path("holds/<uuid:hold_id>/extend/", holds.ExtendHoldView.as_view(), name="extend-hold"),
    path("orders/", orders.OrderListView.as_view(), name="order-list"),
    path("orders/<uuid:order_id>/", orders.OrderView.as_view(), name="order"),
    path("orders/<uuid:order_id>/cancel/", orders.CancelOrderView.as_view(), name="order-cancel"),
    path("tickets/<uuid:ticket_id>/", tickets.TicketView.as_view(), name="ticket"),
    path("tickets/<uuid:ticket_id>/qr.svg", tickets.TicketQRView.as_view(), name="ticket-qr"),
    path("tickets/<uuid:ticket_id>/ticket.pdf", tickets.TicketPDFView.as_view(), name="ticket-pdf"),
    path(
        "tickets/<uuid:ticket_id>/reissue/",
        tickets.TicketReissueView.as_view(),
        name="ticket-reissue",
    ),
    path(
        "tickets/<uuid:ticket_id>/exchange/",
        refunds.ExchangeView.as_view(),
        name="ticket-exchange",
    ),
    path(
        "organiser/orders/<uuid:order_id>/refund/",
        refunds.RefundView.as_view(),
        name="order-refund",
    ),
    path(
        "organiser/tickets/<uuid:ticket_id>/exchange/",
        refunds.OrganiserExchangeView.as_view(),
        name="organiser-ticket-exchange",
    ),
    path("stampedes/", stampedes.StampedesView.as_view(), name="stampedes"),
    path("stampedes/<uuid:stampede_id>/", stampedes.StampedeView.as_view(), name="stampede"),
    path(
        "stampedes/<uuid:stampede_id>/stop/",
        stampedes.StopStampedeView.as_view(),
        name="stop-stampede",
    ),
    path(
        "organiser/events/<uuid:event_id>/scans/",
        doors.ScanReportsView.as_view(),
        name="scan-reports",
    ),
    path(
        "organiser/events/<uuid:event_id>/door-tickets/",
        doors.DoorTicketsView.as_view(),
        name="door-tickets",
    ),
    path("organiser/venues/", organiser_events.OrganiserVenuesView.as_view(), name="venues"),
    path(
        "organiser/events/", organiser_events.OrganiserEventsView.as_view(), name="organiser-events"
    ),
    path(
        "organiser/events/<uuid:event_id>/",
        organiser_events.OrganiserEventView.as_view(),
        name="organiser-event",
    ),
    path(
        "organiser/events/<uuid:event_id>/publish/",
        organiser_events.PublishView.as_view(),
        name="publish",
    ),
    path(
        "organiser/events/<uuid:event_id>/pause/",
        organiser_events.PauseView.as_view(),
        name="pause",
    ),
    path(
        "organiser/events/<uuid:event_id>/resume/",
        organiser_events.ResumeView.as_view(),
        name="resume",
    ),
    path(
        "organiser/events/<uuid:event_id>/close/",
        organiser_events.CloseView.as_view(),
        name="close",
    ),
    path(
        "organiser/events/<uuid:event_id>/cancel/",
        organiser_events.CancelView.as_view(),
        name="cancel",
    ),
    path(
        "organiser/events/<uuid:event_id>/refunds/",
        organiser_events.OrganiserRefundsView.as_view(),
        name="event-refunds",
    ),
    path(
        "organiser/events/<uuid:event_id>/duplicate/",
        organiser_events.OrganiserDuplicateView.as_view(),
        name="duplicate",
    ),
    path(
        "organiser/events/<uuid:event_id>/seats/",
        organiser_seats.OrganiserSeatsView.as_view(),
        name="organiser-seats",
    ),
    path(
        "organiser/events/<uuid:event_id>/presale-codes/",
        presale_codes.PresaleCodesView.as_view(),
        name="presale-codes",
    ),
    path(
        "organiser/events/<uuid:event_id>/presale-codes/withdraw/",
        presale_codes.WithdrawCodesView.as_view(),
        name="withdraw-presale-codes",
    ),
    path(
        "organiser/events/<uuid:event_id>/queue/",
        organiser_queues.OrganiserQueueView.as_view(),
        name="organiser-queue",
    ),
    path(
        "organiser/events/<uuid:event_id>/waitlist/",
        organiser_queues.OrganiserWaitlistView.as_view(),
        name="organiser-waitlist",
    ),
    path(
        "organiser/events/<uuid:event_id>/waitlist/entries/",
        organiser_queues.WaitlistEntriesView.as_view(),
        name="organiser-waitlist-entries",
    ),
    path("organiser/jobs/<uuid:job_id>/", organiser_seats.JobView.as_view(), name="job"),
    path(
        "organiser/jobs/<uuid:job_id>/results/",
        organiser_seats.JobResultsView.as_view(),
        name="job-results",
    ),
    path(
        "organiser/events/<uuid:event_id>/report/",
        reports.EventReportView.as_view(),
        name="event-report",
    ),
    path(
        "organiser/events/<uuid:event_id>/orders.csv",
        reports.EventOrdersView.as_view(),
        name="event-orders-csv",
    ),
    path("organiser/webhooks/", webhooks.WebhooksView.as_view(), name="webhooks"),
    path("organiser/webhooks/<uuid:webhook_id>/", webhooks.WebhookView.as_view(), name="webhook"),
    path(
        "organiser/webhooks/<uuid:webhook_id>/secret/",
        webhooks.SecretView.as_view(),
        name="webhook-secret",
    ),
    path(
        "organiser/webhooks/<uuid:webhook_id>/ping/",
        webhooks.PingView.as_view(),
        name="webhook-ping",
    ),
    path(
        "organiser/webhooks/<uuid:webhook_id>/deliveries/",
        webhooks.DeliveriesView.as_view(),
        name="webhook-deliveries",
    ),
    path(
        "organiser/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver/",
        webhooks.RedeliverView.as_view(),
        name="webhook-redeliver",
    ),
    path("organiser/scan/", scans.ScanView.as_view(), name="scan"),
    path("organiser/scan/keys/", scans.ScanKeysView.as_view(), name="scan-keys"),
    path(
        "organiser/events/<uuid:event_id>/refused-tickets/",
        scans.RefusedTicketsView.as_view(),
        name="refused-tickets",
    ),
]
