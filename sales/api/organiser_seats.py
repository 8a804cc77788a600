"""The seats of an event for organisers' programs: listed by keyset, changed together."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import ByMethod, HasScope
from accounts.models import Role
from sales.api.organiser_events import refused
from sales.api.organiser_serializers import (
    JobOut,
    ResultsOut,
    ResultsQuery,
    SeatsChangeIn,
    SeatsOut,
    SeatsQuery,
)
from sales.back_office.access import RoleTooLow
from sales.events import EventNotFound
from sales.models import Seat
from sales.organising.finding_seats import seat_page
from sales.organising.operations import Operation
from sales.organising.rights import JobNotFound, visible_job
from sales.organising.seat_jobs import BadOperation, NothingSelected, plan_seat_job
from sales.organising.selection import BadFilter, SeatFilter, Selection
from sales.organising.working import start_job
from sales.tasks import bulk_job
from worldseat.api.parsing import query_of
from worldseat.api.problems import invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["JobResultsView", "JobView", "OrganiserSeatsView"]

READS = HasScope("seats:read", role=Role.VIEWER)
WRITES = HasScope("seats:write", role=Role.MANAGER)


# The walk through the API blocks a seat, which is done at once.
_BEGUN = {
    "id": "9c1e6f9e-5a1b-4a39-8f0e-1c2d3e4f5a6b",
    "event": "c9a54c57-8f0d-4f5e-a0b5-8b2f36a0f7c1",
    "kind": "seats",
    "title": "Set category Balcony: 4,008 seats",
    "state": "waiting",
    "total": 4008,
    "done": 0,
    "report": {},
    "unknown": [],
    "message": "",
    "created_at": "2026-11-26T09:00:00Z",
    "finished_at": None,
}


class OrganiserSeatsView(APIView):
    """The seats of an event."""

    permission_classes = (ByMethod(read=READS, write=WRITES),)
    query = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Know the list's parameters when it is read only."""
        self.query = SeatsQuery if request.method == "GET" else None
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="list_seats",
        tags=["Organisers"],
        parameters=[SeatsQuery],
        responses={
            200: SeatsOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """List seats in the plan's order, a page at a time."""
        asked = query_of(request, SeatsQuery)
        after, limit = asked.pop("after", None), asked.pop("limit", 200)
        category, status = asked.pop("category", None), asked.pop("status", "")
        sought = SeatFilter(
            categories=(category,) if category else (),
            statuses=(status,) if status else (),
            **asked,
        )
        now = timezone.now()
        try:
            seats, following = seat_page(
                event_id=event_id,
                user=request.user,
                sought=sought,
                after=after,
                limit=limit,
                now=now,
            )
        except EventNotFound:
            raise not_found() from None
        told = [_seat(seat, now) for seat in seats]
        return Response({"results": told, "next_after": following})

    @extend_schema(
        operation_id="change_seats",
        tags=["Organisers"],
        request=SeatsChangeIn,
        responses={
            200: JobOut,
            202: JobOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
        examples=[
            OpenApiExample(
                "Block two seats",
                {
                    "filter": {"labels": "A-1, A-2"},
                    "set": {"blocked": True, "reason": "Camera"},
                },
                request_only=True,
            ),
            OpenApiExample("A job", _BEGUN, response_only=True, status_codes=["202"]),
        ],
    )
    def patch(self, request: Request, event_id: UUID) -> Response:
        """Change many seats; those that are sold or held are refused, one by one.

        Few are done when the answer comes (200); of many a job is begun (202), and the client asks
        for it until it is over. What came of each seat: `/organiser/jobs/{id}/results/`.
        """
        given = SeatsChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        try:
            planned = plan_seat_job(
                event_id=event_id,
                user=request.user,
                operation=_operation(wanted["set"]),
                selection=_selection(dict(wanted["filter"])),
                now=timezone.now(),
            )
            job = start_job(
                job_id=planned.pk, user=request.user, now=timezone.now(), send=bulk_job.delay
            )
        except (EventNotFound, RoleTooLow) as error:
            raise refused(error) from None
        except (BadOperation, BadFilter) as error:
            raise invalid({error.field: [str(error)]}) from None
        except NothingSelected as error:
            raise invalid({"filter": [str(error)]}) from None
        return Response(JobOut(job).data, status=200 if job.is_over else 202)


def _seat(seat: Seat, now: Any) -> dict[str, Any]:
    """Return a seat; one whose hold has expired is available."""
    return {
        "id": str(seat.pk),
        "guid": seat.guid,
        "section": seat.section,
        "row": seat.row,
        "number": seat.number,
        "category": str(seat.category_id),
        "status": "available" if seat.is_free(now) else seat.status,
        "accessible": seat.accessible,
        "block_reason": seat.block_reason,
    }


def _operation(wanted: dict[str, Any]) -> Operation:
    if "category" in wanted:
        return Operation(kind="paint", category=str(wanted["category"]))
    if "accessible" in wanted:
        return Operation(kind="accessible" if wanted["accessible"] else "not-accessible")
    if wanted["blocked"]:
        return Operation(kind="block", reason=wanted.get("reason", ""))
    return Operation(kind="release")


def _selection(wanted: dict[str, Any]) -> Selection:
    ids, labels = wanted.pop("seats", ()), wanted.pop("labels", "")
    category, status = wanted.pop("category", None), wanted.pop("status", "")
    asked = SeatFilter(
        categories=(category,) if category else (),
        statuses=(status,) if status else (),
        **wanted,
    )
    return Selection(ids=ids, labels=labels, filter=None if asked == SeatFilter() else asked)


class JobView(APIView):
    """Work on many seats."""

    permission_classes = (READS,)

    @extend_schema(
        operation_id="get_job",
        tags=["Organisers"],
        responses={200: JobOut, **problems("not-authenticated", "permission-denied", "not-found")},
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """Tell how far it is: `done` of `total` seats, and the counts of what came of them."""
        try:
            found = visible_job(job_id=job_id, user=request.user)
        except JobNotFound:
            raise not_found() from None
        return Response(JobOut(found).data)


class JobResultsView(APIView):
    """What came of each seat."""

    permission_classes = (READS,)
    query = ResultsQuery

    @extend_schema(
        operation_id="list_job_results",
        tags=["Organisers"],
        parameters=[ResultsQuery],
        responses={
            200: ResultsOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return what came of the seats of one batch, some hundred of them."""
        at = query_of(request, ResultsQuery).get("batch", 0)
        try:
            found = visible_job(job_id=job_id, user=request.user)
        except JobNotFound:
            raise not_found() from None
        batch = found.batches.filter(position=at).first()
        more = found.batches.filter(position=at + 1).exists()
        results = batch.results if batch else []
        return Response({"results": results, "next_batch": at + 1 if more else None})
