"""Pages by cursor: a page stays right while rows come and go."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from worldseat.api.problems import invalid

__all__ = ["PAGE_PARAMETERS", "CursorPagination"]

PAGE_PARAMETERS = ("cursor", "limit")
DEFAULT_LIMIT = 50
HIGHEST_LIMIT = 100


@dataclass(frozen=True)
class _Cursor:
    """Where a page begins: after (or, backwards, before) the row with this time and id."""

    backwards: bool
    time: datetime
    id: uuid.UUID

    def encode(self) -> str:
        text = json.dumps([int(self.backwards), self.time.isoformat(), str(self.id)])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> _Cursor:
        """Read a cursor; raises Problem (400)."""
        try:
            padded = text + "=" * (-len(text) % 4)
            backwards, time, id_ = json.loads(
                base64.b64decode(padded, altchars="-_", validate=True)
            )
            instant = datetime.fromisoformat(time).astimezone(UTC)
            return cls(bool(backwards), instant, uuid.UUID(id_))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            raise invalid(
                {"cursor": ["Not a cursor. Take `next` or `previous` of a page as they are."]}
            ) from None


class CursorPagination(BasePagination):
    """Sort by a time and the id, and go on from the last row of the page before.

    The view says by which time: `ordering = "starts_at"`, or `"-created_at"` for the newest
    first. The framework's own cursors skip rows that share a time, and fail on a bad cursor.
    """

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the rows of one page; raises Problem (400) for a bad cursor or limit."""
        ordering: str = view.ordering  # type: ignore[union-attr] # every view that is paged has one
        self.url = request.build_absolute_uri()
        self.time_field = ordering.removeprefix("-")
        given = request.query_params.get("cursor")
        cursor = _Cursor.decode(given) if given is not None else None
        limit = _limit(request)
        backwards = cursor is not None and cursor.backwards
        rows = list(
            self._from(queryset, cursor, ordering.startswith("-") != backwards)[: limit + 1]
        )
        more = len(rows) > limit
        self.page = rows[:limit][:: -1 if backwards else 1]
        self.has_next = backwards or more
        self.has_previous = more if backwards else cursor is not None
        return self.page

    def _from(
        self, queryset: QuerySet[Any], cursor: _Cursor | None, descending: bool
    ) -> QuerySet[Any]:
        if cursor is not None:
            beyond = "lt" if descending else "gt"
            queryset = queryset.filter(
                Q(**{f"{self.time_field}__{beyond}": cursor.time})
                | Q(**{self.time_field: cursor.time, f"id__{beyond}": cursor.id})
            )
        sign = "-" if descending else ""
        return queryset.order_by(f"{sign}{self.time_field}", f"{sign}id")

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the addresses of its neighbours."""
        following = self._link(self.page[-1], backwards=False) if self._has(self.has_next) else None
        preceding = (
            self._link(self.page[0], backwards=True) if self._has(self.has_previous) else None
        )
        return Response({"results": data, "next": following, "previous": preceding})

    def _has(self, neighbour: bool) -> bool:
        return neighbour and bool(self.page)

    def _link(self, row: Any, *, backwards: bool) -> str:
        cursor = _Cursor(backwards, getattr(row, self.time_field), row.pk)
        bare = remove_query_param(self.url, "cursor")
        return replace_query_param(bare, "cursor", cursor.encode())

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page, for OpenAPI."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the query parameters, for OpenAPI."""
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Comes in `next` and `previous`; opaque.",
                "schema": {"type": "string"},
            },
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": "Rows a page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": HIGHEST_LIMIT,
                    "default": DEFAULT_LIMIT,
                },
            },
        ]


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdecimal() and 1 <= len(text) <= 3:
        limit = int(text)
        if 1 <= limit <= HIGHEST_LIMIT:
            return limit
    raise invalid({"limit": [f"Use a whole number from 1 to {HIGHEST_LIMIT}."]})
