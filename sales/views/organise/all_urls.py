"""The organisers' pages, below /organise/; what they are named begins with `sales:`."""

from __future__ import annotations

from django.urls import include, path

from sales.views.organise import doors, queue, waitlist

urlpatterns = [
    path("", include("sales.views.organise.urls")),
    path("", include("sales.views.organise.desk_urls")),
    path("webhooks/", include("sales.views.organise.webhook_urls")),
    path("events/<uuid:event_id>/door/", doors.doors, name="organise-doors"),
    path(
        "events/<uuid:event_id>/queue/",
        queue.queue,
        name="organise-queue",
    ),
    path(
        "events/<uuid:event_id>/queue/pause/",
        queue.pause,
        name="organise-queue-pause",
    ),
    path(
        "events/<uuid:event_id>/queue/draw.csv",
        queue.draw_csv,
        name="organise-draw-csv",
    ),
    path(
        "events/<uuid:event_id>/waitlist/",
        waitlist.waitlist,
        name="organise-waitlist",
    ),
]
