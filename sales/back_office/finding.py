"""Finding an order by what somebody says at the counter or on the phone.

Her name or last name, her e-mail address, the order's reference, each as it begins; a seat ("A-12",
"Stalls A-12", or its name in the plan); the code of a ticket; an id. What words may mean is asked
for one by one, each of an index of its own, since none answers an OR across tables. Nobody counts
what is found: the pages follow each other by keyset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from sales.back_office.access import events_of
from sales.back_office.discretion import discreet, knows_fans_in
from sales.models import Order, Ticket
from sales.models.orders import REFERENCE_ALPHABET, REFERENCE_LENGTH
from sales.ticket_codes import BadCode, read_code
from worldseat.dsql.occ import occ_retry
from worldseat.keyset import Keyset, Page

__all__ = ["Sought", "find_orders"]

A_PAGE = 50
# The newest orders of so many events are found event by event, each by the index by event and time;
# of more, by sorting all.
_APART = 50
# In how many events, those that start latest, a seat is looked for by its label.
_LABELS_IN = 20


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

    Each comes with its event, its fan, and its tickets and their seats. Where the user may not
    know who the fans are (discretion), they are masked, and nobody is found by name or address.
    """
    own, known = events_of(user), knows_fans_in(user)
    if sought.event_id:
        own = own.filter(pk=sought.event_id)
    # Ids rather than a subquery: there are few, and the index by event and time is used for each.
    organisers = dict(own.order_by("-starts_at", "pk").values_list("pk", "organisation_id"))
    events = list(organisers)
    orders = Order.objects.filter(_narrowed(sought))
    tickets = Ticket.objects.select_related("seat").order_by("seat__position", "seat__guid")
    shown = Order.objects.select_related("event", "fan").prefetch_related(
        Prefetch("tickets", queryset=tickets)
    )
    if sought.words:
        orders = orders.filter(event__in=events)
        named = orders.filter(event__in=[pk for pk in events if organisers[pk] in known])
        parts = [
            *(named.filter(each) for each in _names(sought.words)),
            *(orders.filter(each) for each in _said(sought.words, events)),
        ]
    elif len(events) <= _APART:
        parts = [orders.filter(event=each) for each in events]
    else:
        parts = [orders.filter(event__in=events)]
    newest = Keyset(shown.order_by("-created_at", "-pk"), parts=parts)
    page = newest.page_or_first(after, A_PAGE)
    for order in page.rows:
        order.fan = discreet(order.fan, knows=order.event.organisation_id in known)
    return page


def _narrowed(sought: Sought) -> Q:
    narrowed = Q()
    if sought.state:
        narrowed &= Q(state=sought.state)
    if sought.since:
        narrowed &= Q(created_at__gte=sought.since)
    if sought.until:
        narrowed &= Q(created_at__lt=sought.until)
    return narrowed


def _names(words: str) -> list[Q]:
    """Return whom some words may name."""
    if _of_code(words) is not None or _uuid(words) is not None:
        return []
    if "@" in words:
        return [Q(fan__email__startswith=words.lower())]
    first, last = words.split()[0], words.split()[-1]
    named = [Q(fan__name__istartswith=words), Q(fan__name__last_word__istartswith=words)]
    if first != last:  # the last name first
        named.append(Q(fan__name__last_word__istartswith=first, fan__name__istartswith=last))
    return named


def _said(words: str, events: Sequence[UUID]) -> list[Q]:
    """Return what words may mean that name nobody; a sole meaning is not looked for elsewhere."""
    if (ticket_id := _of_code(words)) is not None:
        return [Q(tickets__pk=ticket_id)]
    if (any_id := _uuid(words)) is not None:
        return [Q(pk=any_id), Q(pk__in=Ticket.objects.filter(pk=any_id).values("order"))]
    if "@" in words:
        return []
    said = []
    reference = words.upper()
    if len(reference) <= REFERENCE_LENGTH and not set(reference) - set(REFERENCE_ALPHABET):
        said.append(Q(reference__startswith=reference))
    return [*said, *(Q(pk__in=each.values("order")) for each in _in_seat(words, events))]


def _in_seat(words: str, events: Sequence[UUID]) -> Iterator[QuerySet[Ticket]]:
    """Yield the tickets of a seat: by its name in the plan, and by its label in a few events."""
    yield Ticket.objects.filter(seat__event__in=events, seat__guid=words)
    row, _, number = words.rpartition("-")
    if row:
        # No index has labels: the seats of the event asked for are read, or of the latest.
        tickets = Ticket.objects.filter(seat__event__in=events[:_LABELS_IN])
        tickets = tickets.filter(seat__number__iexact=number.strip())
        yield tickets.filter(seat__row__iexact=row.strip())
        section, _, last = row.strip().rpartition(" ")
        if section := section.rstrip(", "):
            yield tickets.filter(seat__section__iexact=section, seat__row__iexact=last)


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
