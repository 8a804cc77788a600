"""The chart of an event over HTTP: large, the same for everybody, and kept until it changes."""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from collections import OrderedDict
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from sales.api.serializers import CategoryOut, ChartOut
from sales.api.views import IF_NONE_MATCH, NOT_MODIFIED
from sales.charts import Chart, ChartHead, ChartSection, chart_of, head_of
from sales.events import EventNotFound
from sales.models import EventState
from worldseat.api.conditional import conditional_content
from worldseat.api.problems import not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["PlanView"]

_KEPT_SECONDS = 24 * 60 * 60
# An arena's takes 2.7 MB.
_CHARTS_A_PROCESS = 8


class PlanView(APIView):
    """The chart of an event."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="get_plan",
        tags=["Fans"],
        parameters=[IF_NONE_MATCH],
        responses={
            200: ChartOut,
            304: NOT_MODIFIED,
            **problems("not-authenticated", "not-found"),
        },
    )
    def get(self, request: Request, event_id: UUID) -> HttpResponseBase:
        """Return the chart: sections, rows, seats and what they cost; may be kept for long."""
        try:
            head = head_of(event_id=event_id, user=request.user, now=timezone.now())
            body = _known(head) or _drawn(chart_of(event_id=event_id, user=request.user))
        except EventNotFound:
            raise not_found() from None
        # A draft's chart is its organisation's own, and one without seats is not finished.
        secret = head.event.state == EventState.DRAFT or head.event.plan_id is None
        age = "private, no-cache" if secret else "public, max-age=3600"
        return conditional_content(request, body.content, etag=body.etag, cache_control=age)


class _Body(NamedTuple):
    """A chart as it is sent, and its tag, the hash of it."""

    content: bytes
    etag: str


_bodies: OrderedDict[str, _Body] = OrderedDict()
_lock = threading.Lock()


def _version(head: ChartHead) -> str:
    """Return what is another one whenever the chart is: all in it that can change."""
    event = head.event
    parts = [
        str(event.pk),
        str(event.plan_id),
        event.plan.name if event.plan else "",
        JSONRenderer().render(CategoryOut(head.categories, many=True).data).decode(),
        head.seats_digest,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _known(head: ChartHead) -> _Body | None:
    """Return the body from this process or the cache."""
    version = _version(head)
    with _lock:
        if kept := _bodies.get(version):
            _bodies.move_to_end(version)
            return kept
    try:
        found: tuple[bytes, str] | None = cache.get(f"plan:1:{version}")
    except RedisError:
        return None
    return _keep(version, _Body(zlib.decompress(found[0]), found[1])) if found else None


def _keep(version: str, body: _Body) -> _Body:
    with _lock:
        _bodies[version] = body
        while len(_bodies) > _CHARTS_A_PROCESS:
            _bodies.popitem(last=False)
    return body


def _drawn(chart: Chart) -> _Body:
    """Write a chart as JSON, and keep it as the version that was read."""
    content, version = JSONRenderer().render(_chart(chart)), _version(chart.head)
    body = _keep(version, _Body(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'))
    # Without the cache, the next process draws it, too.
    with suppress(RedisError):
        packed = (zlib.compress(content, 1), body.etag)
        cache.set(f"plan:1:{version}", packed, _KEPT_SECONDS)
    return body


def _chart(chart: Chart) -> dict[str, Any]:
    plan = chart.head.event.plan
    return {
        "event": chart.head.event.pk,
        "name": plan.name if plan else "",
        "width": plan.width if plan else 0,
        "height": plan.height if plan else 0,
        "seat_count": sum(len(seats) for each in chart.sections for _, seats in each.rows),
        "categories": CategoryOut(chart.head.categories, many=True).data,
        "sections": [_section(section) for section in chart.sections],
    }


def _section(section: ChartSection) -> dict[str, Any]:
    return {
        "name": section.name,
        "x": section.x,
        "y": section.y,
        "areas": section.areas,
        "rows": [
            {"name": name, "seats": [seat._asdict() for seat in seats]}
            for name, seats in section.rows
        ],
    }
