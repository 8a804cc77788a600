"""The pages for fans."""

from __future__ import annotations

from django.urls import include, path

from sales.views import (
    comparisons,
    doors,
    events,
    evidence,
    orders,
    purchases,
    queue,
    scanners,
    stampedes,
    starting,
    tickets,
    waitlist,
)
from sales.views.organise import doors as organise_doors
from sales.views.organise import queue as organise_queue
from sales.views.organise import waitlist as organise_waitlist

app_name = "sales"

urlpatterns = [
    path("", events.events, name="event-list"),
    path("events/<uuid:event_id>/", events.event, name="event"),
    path("events/<uuid:event_id>/map.svg", events.seat_map, name="event-map"),
    path("events/<uuid:event_id>/purchase/", purchases.purchase, name="purchase"),
    path("events/<uuid:event_id>/queue/", queue.queue, name="queue"),
    path("events/<uuid:event_id>/waitlist/", waitlist.join, name="waitlist-join"),
    path("events/<uuid:event_id>/waitlist/leave/", waitlist.leave_list, name="waitlist-leave"),
    path("waitlist/", waitlist.waitlist, name="waitlist"),
    path("waitlist/<uuid:hold_id>/pay/", waitlist.pay, name="waitlist-pay"),
    path("waitlist/<uuid:hold_id>/decline/", waitlist.decline, name="waitlist-decline"),
    path("orders/", orders.orders, name="order-list"),
    path("orders/<uuid:order_id>/", orders.order, name="order"),
    path("tickets/<uuid:ticket_id>/", tickets.ticket, name="ticket"),
    path("tickets/<uuid:ticket_id>/reissue/", tickets.reissue, name="ticket-reissue"),
    path("door/", doors.door, name="door"),
    path("organise/", include("sales.views.organise.urls")),
    path("organise/", include("sales.views.organise.desk_urls")),
    path("organise/webhooks/", include("sales.views.organise.webhook_urls")),
    path("organise/events/<uuid:event_id>/door/", organise_doors.doors, name="organise-doors"),
    path(
        "organise/events/<uuid:event_id>/queue/",
        organise_queue.queue,
        name="organise-queue",
    ),
    path(
        "organise/events/<uuid:event_id>/queue/pause/",
        organise_queue.pause,
        name="organise-queue-pause",
    ),
    path(
        "organise/events/<uuid:event_id>/queue/draw.csv",
        organise_queue.draw_csv,
        name="organise-draw-csv",
    ),
    path(
        "organise/events/<uuid:event_id>/waitlist/",
        organise_waitlist.waitlist,
        name="organise-waitlist",
    ),
    path("door/worker.js", scanners.worker, name="scanner-worker"),
    path("door/<uuid:event_id>/", scanners.scanner, name="scanner"),
    path("door/<uuid:event_id>/manifest.webmanifest", scanners.manifest, name="scanner-manifest"),
    path("stampedes/", stampedes.stampedes, name="stampede-list"),
    path("stampedes/latest/", stampedes.latest, name="stampede-latest"),
    path("stampedes/start/", starting.start, name="stampede-start"),
    path("stampedes/<uuid:stampede_id>/stop/", starting.stop, name="stampede-stop"),
    path("stampedes/side-by-side/", comparisons.comparison, name="stampede-comparison"),
    path("stampedes/<uuid:stampede_id>/", stampedes.scoreboard, name="stampede"),
    path("stampedes/<uuid:stampede_id>/live/", stampedes.live, name="stampede-live"),
    path("stampedes/<uuid:stampede_id>/evidence/", evidence.evidence, name="stampede-evidence"),
    path(
        "stampedes/<uuid:stampede_id>/attempts.json", evidence.attempts_json, name="stampede-json"
    ),
    path("stampedes/<uuid:stampede_id>/attempts.csv", evidence.attempts_csv, name="stampede-csv"),
    path(
        "stampedes/<uuid:stampede_id>/side-by-side/",
        comparisons.comparison,
        name="stampede-comparison",
    ),
]
