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


def page_of(
    rows: QuerySet[M], parts: Sequence[QuerySet[M]] | None = None, *, by: str, after: str, size: int
) -> Page[M]:
    """Return a page of rows, the latest first by a time field; `after` is a page's `following`.

    A text that is none begins with the first page. `parts`, if given, are the rows that are asked
    for, which may be in several: an index may serve each, where none serves them all at once. The
    page's keys are found first, so that what rows are shown with is joined to no more than a page.
    """
    order = (f"-{by}", "-pk")
    keys: list[Any] = [
        _from(each, by, after).order_by(*order).values_list(by, "pk")[: size + 1]
        for each in ([rows] if parts is None else parts or [rows.none()])
    ]
    slim = keys[0] if len(keys) == 1 else keys[0].union(*keys[1:])
    found = list(
        slim
        if len(keys) == 1
        else slim.order_by(f"-{by}", f"-{rows.model._meta.pk.name}")[: size + 1]
    )
    following = _encoded(*found[size - 1]) if len(found) > size else ""
    loaded = rows.filter(pk__in=[pk for _, pk in found[:size]]).order_by(*order)
    return Page(list(loaded) if found else [], following)


def _from(rows: QuerySet[M], by: str, after: str) -> QuerySet[M]:
    if start := _decoded(after):
        instant, pk = start
        later = Q(**{f"{by}__lt": instant}) | Q(**{by: instant, "pk__lt": pk})
        return rows.select_related(None).filter(Q(**{f"{by}__lte": instant}) & later)
    return rows.select_related(None)


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
