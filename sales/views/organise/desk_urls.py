"""The paths of orders, lists, reports and the live sale, below /organise/."""

from __future__ import annotations

from django.urls import path

from sales.views.organise import (
    counter,
    dashboard,
    door_list,
    files,
    orders,
    reports,
    resending,
    returning,
    start,
    tickets,
)

urlpatterns = [
    path("", start.start, name="organise"),
    path("orders/", orders.orders, name="organise-orders"),
    path("orders/<uuid:order_id>/", orders.order, name="organise-order"),
    path("orders/<uuid:order_id>/refund/", returning.refund, name="organise-refund"),
    path("orders/<uuid:order_id>/resend/", resending.resend, name="organise-resend"),
    path("tickets/<uuid:ticket_id>/exchange/", tickets.exchange, name="organise-exchange"),
    path("tickets/<uuid:ticket_id>/reissue/", tickets.reissue, name="organise-reissue"),
    path("orders/<uuid:order_id>/tickets.pdf", counter.order_pdf, name="organise-order-pdf"),
    path("events/<uuid:event_id>/box-office/", counter.counter, name="organise-counter"),
    path("events/<uuid:event_id>/dashboard/", dashboard.dashboard, name="organise-dashboard"),
    path("events/<uuid:event_id>/dashboard/live/", dashboard.live, name="organise-live"),
    path("events/<uuid:event_id>/orders.csv", files.orders_csv, name="organise-orders-csv"),
    path("events/<uuid:event_id>/orders.xlsx", files.orders_xlsx, name="organise-orders-xlsx"),
    path("events/<uuid:event_id>/tickets.csv", files.tickets_csv, name="organise-tickets-csv"),
    path("events/<uuid:event_id>/tickets.xlsx", files.tickets_xlsx, name="organise-tickets-xlsx"),
    path("events/<uuid:event_id>/door-list/", door_list.door_list, name="organise-door-list"),
    path("events/<uuid:event_id>/door-list/print/", door_list.printed, name="organise-door-print"),
    path("events/<uuid:event_id>/door-list.csv", files.door_csv, name="organise-door-csv"),
    path("events/<uuid:event_id>/door-list.xlsx", files.door_xlsx, name="organise-door-xlsx"),
    path("events/<uuid:event_id>/reports/", reports.reports, name="organise-reports"),
    path("events/<uuid:event_id>/report.csv", reports.report_csv, name="organise-report-csv"),
]
