"""Pages by keyset: from where the last one ended, however many rows there are; nobody counts."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

__all__ = ["Page", "page_of"]

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows, and where the next page begins; empty on the last one."""

    rows: Sequence[M]
    following: str


def page_of(rows: QuerySet[M], *, by: str, after: str, size: int) -> Page[M]:
    """Return a page of rows, the latest first by a time field; `after` is a page's `following`.

    A text that is none begins with the first page.
    """
    if start := _decoded(after):
        instant, pk = start
        rows = rows.filter(Q(**{f"{by}__lt": instant}) | Q(**{by: instant, "pk__lt": pk}))
    found = list(rows.order_by(f"-{by}", "-pk")[: size + 1])
    if len(found) <= size:
        return Page(found, "")
    found.pop()
    return Page(found, _encoded(getattr(found[-1], by), found[-1].pk))


def _encoded(instant: datetime, pk: Any) -> str:
    text = json.dumps([instant.isoformat(), str(pk)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(text: str) -> tuple[datetime, UUID] | None:
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        instant, pk = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return datetime.fromisoformat(instant).astimezone(UTC), UUID(pk)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
