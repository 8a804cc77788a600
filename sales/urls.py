"""The pages for fans."""

from __future__ import annotations

from django.urls import path

from sales.views import doors, events, holds, orders, purchases, queue, scanners, tickets, waitlist
from worldseat.loading import include_later

app_name = "sales"

urlpatterns = [
    path("", events.events, name="event-list"),
    path("events/<uuid:event_id>/", events.event, name="event"),
    path("events/<uuid:event_id>/map.svg", events.seat_map, name="event-map"),
    path("events/<uuid:event_id>/purchase/", purchases.purchase, name="purchase"),
    path("events/<uuid:event_id>/holds/", holds.hold_best, name="hold-best"),
    path("holds/<uuid:hold_id>/", holds.hold, name="hold"),
    path("holds/<uuid:hold_id>/pay/", holds.pay, name="hold-pay"),
    path("holds/<uuid:hold_id>/release/", holds.release, name="hold-release"),
    path("events/<uuid:event_id>/queue/", queue.queue, name="queue"),
    path("events/<uuid:event_id>/waitlist/", waitlist.join, name="waitlist-join"),
    path("events/<uuid:event_id>/waitlist/leave/", waitlist.leave_list, name="waitlist-leave"),
    path("waitlist/", waitlist.waitlist, name="waitlist"),
    path("waitlist/<uuid:hold_id>/decline/", waitlist.decline, name="waitlist-decline"),
    path("orders/", orders.orders, name="order-list"),
    path("orders/<uuid:order_id>/", orders.order, name="order"),
    path("orders/<uuid:order_id>/cancel/", orders.cancel, name="order-cancel"),
    path("tickets/<uuid:ticket_id>/", tickets.ticket, name="ticket"),
    path("tickets/<uuid:ticket_id>/reissue/", tickets.reissue, name="ticket-reissue"),
    path("door/", doors.door, name="door"),
    path("door/worker.js", scanners.worker, name="scanner-worker"),
    path("door/<uuid:event_id>/", scanners.scanner, name="scanner"),
    path("door/<uuid:event_id>/manifest.webmanifest", scanners.manifest, name="scanner-manifest"),
    include_later("organise/", "sales.views.organise.all_urls"),
    include_later("stampedes/", "sales.views.stampede_urls"),
]
