"""The paths of seats, jobs, events and plans, below /organise/."""

from __future__ import annotations

from django.urls import path

from sales.views.organise import codes, events, jobs, plans, seats

urlpatterns = [
    path("venues/", plans.venues, name="organise-venues"),
    path("venues/<uuid:venue_id>/plans/", plans.plans, name="organise-plans"),
    path("plans/sample.csv", plans.sample, name="organise-plan-sample"),
    path("plans/<uuid:plan_id>/", plans.plan, name="organise-plan"),
    path("plans/<uuid:plan_id>/map.svg", plans.plan_map, name="organise-plan-map"),
    path("plans/<uuid:plan_id>/take/", plans.take, name="organise-plan-take"),
    path("plans/<uuid:plan_id>/discard/", plans.discard, name="organise-plan-discard"),
    path("plans/<uuid:plan_id>/move/", plans.move, name="organise-plan-move"),
    path("plans/<uuid:plan_id>/make/", plans.make, name="organise-plan-make"),
    path("events/new/", events.new_event, name="organise-new-event"),
    path("events/<uuid:event_id>/", events.event, name="organise-event"),
    path("events/<uuid:event_id>/move/", events.move, name="organise-move"),
    path("events/<uuid:event_id>/refunds/", events.refund_all, name="organise-refund-all"),
    path("events/<uuid:event_id>/rules/", events.rules, name="organise-rules"),
    path("events/<uuid:event_id>/duplicate/", events.duplicate, name="organise-duplicate"),
    path("events/<uuid:event_id>/preview-as-fan/", events.preview, name="organise-as-fan"),
    path("events/<uuid:event_id>/seats/", seats.seats, name="organise-seats"),
    path("events/<uuid:event_id>/seats/find/", seats.find, name="organise-find-seats"),
    path("events/<uuid:event_id>/seats/preview/", seats.preview, name="organise-preview"),
    path("events/<uuid:event_id>/categories/", seats.new_category, name="organise-categories"),
    path("events/<uuid:event_id>/codes/", codes.codes, name="organise-codes"),
    path("events/<uuid:event_id>/codes.csv", codes.codes_csv, name="organise-codes-csv"),
    path("events/<uuid:event_id>/codes/withdraw/", codes.withdraw, name="organise-withdraw-codes"),
    path(
        "events/<uuid:event_id>/codes/categories/",
        codes.categories,
        name="organise-code-categories",
    ),
    path("jobs/<uuid:job_id>/", jobs.job, name="organise-job"),
    path("jobs/<uuid:job_id>/progress/", jobs.progress, name="organise-job-progress"),
    path("jobs/<uuid:job_id>/results.csv", jobs.results, name="organise-job-results"),
    path("jobs/<uuid:job_id>/start/", jobs.start, name="organise-job-start"),
    path("jobs/<uuid:job_id>/stop/", jobs.stop, name="organise-job-stop"),
    path("jobs/<uuid:job_id>/discard/", jobs.discard, name="organise-job-discard"),
]
