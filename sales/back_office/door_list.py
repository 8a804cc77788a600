"""The door list: everybody who may come in, by name or by seat, and who has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from sales.back_office.discretion import discreet
from sales.models import Ticket, TicketState
from worldseat.dsql.occ import occ_retry

__all__ = ["NAME", "SEAT", "DoorPage", "door_batch"]

NAME, SEAT = "name", "seat"


@dataclass(frozen=True)
class DoorPage:
    """Some valid tickets, with fan, seat, category and order, and where the next ones begin."""

    tickets: Sequence[Ticket]
    following: str


@occ_retry(repeatable=True)
def door_batch(
    *, event_id: UUID, by: str, after: str = "", size: int, knows: bool = True
) -> DoorPage:
    """Return some of an event's valid tickets, sorted by who comes or by where she sits.

    For who does not know fans (discretion) they are masked, and sorted by seat whatever is asked:
    their order would tell. `after` is a page's `following`; a text that is none begins at the
    beginning.
    """
    by = by if knows else SEAT
    name = NullIf("fan__name", Value(""))
    named = Lower(Coalesce(name, "fan__email", output_field=TextField()))
    tickets = Ticket.objects.filter(event=event_id, state=TicketState.VALID).annotate(
        sort=named if by == NAME else F("seat__position")
    )
    if start := _decoded(after, str if by == NAME else int):
        sort, pk = start
        tickets = tickets.filter(Q(sort__gt=sort) | Q(sort=sort, pk__gt=pk))
    found: list[Any] = list(
        tickets.select_related("fan", "seat__category", "order").order_by("sort", "pk")[: size + 1]
    )
    for ticket in found:
        ticket.fan = discreet(ticket.fan, knows=knows)
    if len(found) <= size:
        return DoorPage(found, "")
    found.pop()
    return DoorPage(found, json.dumps([found[-1].sort, str(found[-1].pk)]))


def _decoded(text: str, kind: type) -> tuple[Any, UUID] | None:
    try:
        sort, pk = json.loads(text)
        return (sort, UUID(pk)) if isinstance(sort, kind) else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
