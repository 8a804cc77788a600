"""Finding an order by what somebody says at the counter or on the phone.

Her name, her e-mail address, the order's reference, a seat ("A-12", or its name in the plan), the
code of a ticket, an id. Nobody counts what is found: the pages follow each other by keyset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from sales.back_office.access import events_of
from sales.back_office.paging import Page, page_of
from sales.models import Order, Ticket
from sales.models.orders import REFERENCE_ALPHABET, REFERENCE_LENGTH
from sales.ticket_codes import BadCode, read_code
from worldseat.dsql.occ import occ_retry

__all__ = ["Sought", "find_orders"]

A_PAGE = 50


@dataclass(frozen=True)
class Sought:
    """What is looked for; what is empty does not narrow it. Times are UTC, `until` excluded."""

    words: str = ""
    event_id: UUID | None = None
    state: str = ""
    since: datetime | None = None
    until: datetime | None = None


@occ_retry(repeatable=True)
def find_orders(*, user: Any, sought: Sought, after: str = "") -> Page[Order]:
    """Return a page of the orders of a user's organisations, the newest first.

    Each comes with its event, its fan, and its tickets and their seats.
    """
    orders = Order.objects.filter(_narrowed(user, sought))
    tickets = Ticket.objects.select_related("seat").order_by("seat__position", "seat__guid")
    orders = orders.select_related("event", "fan").prefetch_related(
        Prefetch("tickets", queryset=tickets)
    )
    return page_of(orders, by="created_at", after=after, size=A_PAGE)


def _narrowed(user: Any, sought: Sought) -> Q:
    own = events_of(user)
    if sought.event_id:
        own = own.filter(pk=sought.event_id)
    # Ids rather than a subquery: there are few, and the index by event and time is used for each.
    events = list(own.values_list("pk", flat=True))
    narrowed = Q(event__in=events)
    if sought.state:
        narrowed &= Q(state=sought.state)
    if sought.since:
        narrowed &= Q(created_at__gte=sought.since)
    if sought.until:
        narrowed &= Q(created_at__lt=sought.until)
    if sought.words:
        narrowed &= _said(sought.words, events)
    return narrowed


def _said(words: str, events: Sequence[UUID]) -> Q:
    """Return what some words may mean; what can mean one thing only is not looked for elsewhere."""
    if (ticket_id := _of_code(words)) is not None:
        return Q(tickets__pk=ticket_id)
    if (any_id := _uuid(words)) is not None:
        return Q(pk=any_id) | Q(pk__in=Ticket.objects.filter(pk=any_id).values("order"))
    if "@" in words:
        return Q(fan__email__startswith=words.lower())
    named = Q()
    for word in words.split():
        named &= Q(fan__name__icontains=word)
    reference = words.upper()
    if len(reference) <= REFERENCE_LENGTH and not set(reference) - set(REFERENCE_ALPHABET):
        named |= Q(reference__startswith=reference)
    return named | Q(pk__in=_in_seat(words, events).values("order"))


def _in_seat(words: str, events: Sequence[UUID]) -> QuerySet[Ticket]:
    row, _, number = words.rpartition("-")
    seat = Q(seat__guid=words)
    if row:
        seat |= Q(seat__row__iexact=row.strip(), seat__number__iexact=number.strip())
    return Ticket.objects.filter(seat, event__in=events)


def _of_code(words: str) -> UUID | None:
    try:
        return read_code(words).ticket_id
    except BadCode:
        return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
