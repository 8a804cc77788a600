"""Scanners: devices at the doors that decide by themselves while they have no connection.

A scanner knows the keys that sign codes and, from `tickets_at_door`, how each ticket of the event
stands. What it sees it reports under ids of its own, at once or hours later, once or several
times: `report_scans`. The scan whose transaction commits first admits; a scanner that let somebody
in by itself with a ticket that admitted nobody (any more) has made a **conflict**, which is kept
and shown (`back_office.doors`), and undoes nothing: the people are inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Greatest

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.availability import Cursor
from sales.models import (
    Event,
    EventState,
    Scan,
    Scanner,
    ScanOutcome,
    ScanReport,
    Ticket,
)
from sales.outbox import write
from sales.scanning import admission_row, event_at_door, judge
from sales.ticket_codes import BadCode, TicketCode, read_code
from worldseat.dsql.occ import occ_retry

__all__ = [
    "MOST_SCANS",
    "TICKETS_A_PAGE",
    "UNKNOWN",
    "DoorNews",
    "DoorTicket",
    "Reported",
    "ScannerSays",
    "Shown",
    "report_scans",
    "tickets_at_door",
]

# In one report: each takes three rows, and a transaction has room for many more.
MOST_SCANS = 100
# A page of them is some 150 KB: a weak connection brings it in time.
TICKETS_A_PAGE = 1000
# What became of a code that names no ticket the user may scan.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class ScannerSays:
    """What a scanner says of itself: `time` by its clock, `waiting` scans still to be reported."""

    key: UUID
    name: str
    time: datetime
    waiting: int = 0


@dataclass(frozen=True)
class Shown:
    """A code that a scanner was shown: `at` by its clock; `told` is empty where it only asks."""

    scan_id: UUID
    code: str
    at: datetime
    told: str = ""


@dataclass(frozen=True)
class Reported:
    """What became of a scan; `scan` is None for a code that is UNKNOWN.

    `admission` is the scan that let somebody in with the ticket, this one or another.
    """

    scan_id: UUID
    outcome: str
    told: str = ""
    scan: Scan | None = None
    admission: Scan | None = None

    @property
    def conflicts(self) -> bool:
        """Whether the scanner let somebody in, and should not have."""
        return self.told == ScanOutcome.ADMITTED and self.outcome != ScanOutcome.ADMITTED


@occ_retry(repeatable=True)
def report_scans(
    *,
    event_id: UUID,
    user: Any,
    scanner: ScannerSays,
    gate: str,
    scans: Sequence[Shown],
    now: datetime,
) -> list[Reported]:
    """Write down what a scanner saw at an event's door, in its order; return what became of each.

    A scan that was reported before is not written again: its first outcome comes back, and what
    the scanner told meanwhile is added. At most MOST_SCANS. Raises EventNotFound, also for who
    may not scan the event's tickets; nothing is written then.
    """
    event = event_at_door(event_id=event_id, user=user)
    book = _Book(event, _scanner(event, user, scanner, now), user=user, gate=gate, now=now)
    codes = {each.scan_id: _read(each.code) for each in scans}
    book.open({each.scan_id for each in scans}, {code.ticket_id for code in codes.values() if code})
    reported = [book.enter(each, codes[each.scan_id]) for each in scans]
    book.close()
    return reported


def _read(text: str) -> TicketCode | None:
    try:
        return read_code(text)
    except BadCode:
        return None


def _scanner(event: Event, user: Any, says: ScannerSays, now: datetime) -> Scanner:
    """Write down that we heard of a scanner, and return it."""
    ahead = (says.time - now) // timedelta(milliseconds=1)
    scanner = Scanner(
        event=event,
        key=says.key,
        name=says.name,
        user=user,
        seen_at=now,
        clock_ahead_ms=ahead,
        waiting=says.waiting,
    )
    Scanner.objects.bulk_create(
        [scanner],
        update_conflicts=True,
        unique_fields=["event", "key"],
        update_fields=["name", "user", "seen_at", "clock_ahead_ms", "waiting"],
    )
    # On a conflict, the row keeps the id that it had.
    return Scanner.objects.get(event=event, key=says.key)


class _Book:
    """The scans of one report: read in three queries, written in four, whatever their number."""

    def __init__(
        self, event: Event, scanner: Scanner, *, user: Any, gate: str, now: datetime
    ) -> None:
        self.event, self.scanner, self.user, self.gate, self.now = event, scanner, user, gate, now
        self.scans: list[Scan] = []
        self.reports: list[ScanReport] = []
        self.late: list[ScanReport] = []

    def open(self, scan_ids: Iterable[UUID], ticket_ids: Iterable[UUID]) -> None:
        """Load the tickets, who was let in with them, and what of this was reported before."""
        own = organisations_of(self.user, role=Role.SCANNER)
        tickets = Ticket.objects.select_related("event", "order", "seat", "fan")
        self.tickets = tickets.filter(event__organisation__in=own).in_bulk(list(ticket_ids))
        # Also another organisation's: an id that is taken there is not free here.
        taken = Scan._base_manager.select_related("report__scanner")
        self.earlier = taken.in_bulk(list(scan_ids))
        admissions = Scan.objects.select_related("report__scanner").filter(
            ticket__in=self.tickets, outcome=ScanOutcome.ADMITTED
        )
        self.admissions = {each.ticket_id: each for each in admissions}

    def enter(self, shown: Shown, code: TicketCode | None) -> Reported:
        """Judge a scan and note what has to be written."""
        ticket = self.tickets.get(code.ticket_id) if code else None
        if code is None or ticket is None or not code.is_for(ticket.event_id):
            return Reported(shown.scan_id, UNKNOWN, shown.told)
        scan = self.earlier.get(shown.scan_id)
        if scan is None:
            scan = self._add(shown, ticket, judge(ticket, code, self.event.pk))
        elif scan.ticket_id != ticket.pk or not hasattr(scan, "report"):
            return Reported(shown.scan_id, UNKNOWN, shown.told)
        elif shown.told and not scan.report.told:
            scan.report.told = shown.told
            self.late.append(scan.report)
        scan.ticket = ticket
        return Reported(
            shown.scan_id, scan.outcome, scan.report.told, scan, self.admissions.get(ticket.pk)
        )

    def _add(self, shown: Shown, ticket: Ticket, outcome: ScanOutcome) -> Scan:
        scan = Scan(
            pk=shown.scan_id,
            event_id=ticket.event_id,
            ticket=ticket,
            outcome=outcome,
            gate=self.gate,
            by=self.user,
            scanned_at=self.now,
        )
        self.reports.append(
            ScanReport(scan=scan, scanner=self.scanner, told=shown.told, device_time=shown.at)
        )
        self.scans.append(scan)
        self.earlier[scan.pk] = scan
        if outcome == ScanOutcome.ADMITTED:
            ticket.admitted_at = self.now
            self.admissions[ticket.pk] = scan
        return scan

    def close(self) -> None:
        """Write it all down."""
        admitted = [each.ticket for each in self.scans if each.outcome == ScanOutcome.ADMITTED]
        Ticket.objects.filter(pk__in=[each.pk for each in admitted]).update(admitted_at=self.now)
        for ticket in admitted:
            write(admission_row(ticket, gate=self.gate, now=self.now))
        Scan.objects.bulk_create(self.scans)
        ScanReport.objects.bulk_create(self.reports)
        if self.late:
            ScanReport.objects.bulk_update(self.late, ["told"])


@dataclass(frozen=True)
class DoorTicket:
    """How a ticket stands, as a scanner keeps it: no names. `where` it was let in: device, gate."""

    ticket: Ticket
    where: str


@dataclass(frozen=True)
class DoorNews:
    """What a scanner has to know of an event's tickets, since it looked last: a page of it.

    `cursor` and `total`, of all pages, are the first page's alone; `next_after` is empty on the
    last. `cancelled`: the event does not take place, and no ticket admits, however it stands.
    """

    cancelled: bool
    tickets: list[DoorTicket]
    next_after: UUID | None
    cursor: Cursor | None = None
    total: int | None = None


@occ_retry(repeatable=True)
def tickets_at_door(
    *,
    event_id: UUID,
    user: Any,
    since: str | None,
    now: datetime,
    after: UUID | None = None,
    limit: int = TICKETS_A_PAGE,
) -> DoorNews:
    """Return the tickets of an event that were sold, reissued, voided or let in since a look.

    Without `since`, all of them; by their ids, `after` one of them. The cursor for the next look
    comes with the first page: what changes while the others are fetched is in that look. It
    reaches back beyond its cursor as availability's does, since a transaction commits after the
    time that it notes. Raises EventNotFound, also for who may not scan the event's tickets, and
    BadCursor.
    """
    event = event_at_door(event_id=event_id, user=user)
    cursor = Cursor.decode(since, event_id=event_id, now=now) if since is not None else None
    tickets = Ticket.objects.filter(event_id=event_id)
    if cursor:
        # Greatest takes no account of a NULL beside a time.
        changed = Greatest("created_at", "reissued_at", "voided_at", "admitted_at")
        tickets = tickets.alias(at=changed).filter(at__gte=cursor.since(now))
    page = tickets.select_related("seat").order_by("pk")
    found = list((page.filter(pk__gt=after) if after else page)[: limit + 1])
    shown = found[:limit]
    where = _where([each.pk for each in shown if each.admitted_at])
    news = DoorNews(
        cancelled=event.state == EventState.CANCELLED,
        tickets=[DoorTicket(each, where.get(each.pk, "")) for each in shown],
        next_after=shown[-1].pk if len(found) > limit else None,
    )
    if after:
        return news
    moved = cursor.moved(max(now, cursor.seen_at)) if cursor else Cursor(event_id, now, now)
    total = tickets.count() if news.next_after else len(shown)
    return replace(news, cursor=moved, total=total)


def _where(ticket_ids: list[UUID]) -> dict[UUID, str]:
    """Return where tickets were let in, by their ids."""
    admissions = Scan.objects.filter(ticket__in=ticket_ids, outcome=ScanOutcome.ADMITTED)
    rows = admissions.values_list("ticket_id", "report__scanner__name", "gate")
    return {ticket: ", ".join(filter(None, (name, gate))) for ticket, name, gate in rows}
