"""The door list: everybody who may come in, by name or by seat, and who has."""

from __future__ import annotations

from uuid import UUID

from django.db.models import TextField, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from sales.back_office.discretion import discreet
from sales.models import Ticket, TicketState
from worldseat.dsql.occ import occ_retry
from worldseat.keyset import Keyset, Page

__all__ = ["NAME", "SEAT", "door_batch"]

NAME, SEAT = "name", "seat"


@occ_retry(repeatable=True)
def door_batch(
    *, event_id: UUID, by: str, after: str = "", size: int, knows: bool = True
) -> Page[Ticket]:
    """Return some valid tickets of an event, by who comes and where she sits, or by the seat.

    For who does not know fans (discretion) they are masked, and sorted by seat whatever is asked:
    their order would tell. `after` is a page's `following`; a text that is none begins at the
    beginning.
    """
    tickets = Ticket.objects.filter(event=event_id, state=TicketState.VALID)
    if by == NAME and knows:
        name = NullIf("fan__name", Value(""))
        named = Lower(Coalesce(name, "fan__email", output_field=TextField()))
        tickets = tickets.annotate(sort=named).order_by("sort", "seat__position", "pk")
    else:
        tickets = tickets.order_by("seat__position", "pk")
    shown = tickets.select_related("fan", "seat__category", "order")
    page = Keyset(shown).page_or_first(after, size)
    for ticket in page.rows:
        ticket.fan = discreet(ticket.fan, knows=knows)
    return page
