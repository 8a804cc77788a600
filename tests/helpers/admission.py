"""Tickets and doors in the tests of sales."""

from __future__ import annotations

import base64
from typing import Any
from uuid import NAMESPACE_DNS, uuid4, uuid5

from django.utils import timezone

from accounts.models import User
from sales.idempotency import Answer
from sales.models import Order, Seat, Ticket
from sales.scanners import ScannerSays, Shown, report_scans
from sales.scanning import Verdict, admit
from sales.ticket_codes import read_code
from sales.tickets import code_of
from tests.helpers.purchases import buy

__all__ = ["forge", "let_in", "make_ticket", "scan"]


def make_ticket(seat: Seat, fan: User) -> Ticket:
    """Sell a seat and return its ticket, as the database has it."""
    order = buy(seat, fan)
    assert isinstance(order, Order)
    tickets = Ticket.objects.select_related("event__venue", "seat", "order", "fan")
    return tickets.get(order=order)


def forge(ticket: Ticket) -> str:
    """Return the ticket's code with a bit of its signature flipped, so that it is another one."""
    signed = bytearray(base64.b32decode(code_of(ticket)))
    signed[-1] ^= 1
    return base64.b32encode(signed).decode()


def scan(ticket: Ticket, by: User, **changes: Any) -> Verdict | Answer:
    """Scan the code that a ticket has (as this object knows it); `changes` replace arguments."""
    return admit(
        **{
            "code": read_code(code_of(ticket)),
            "user": by,
            "scan_id": uuid4(),
            "now": timezone.now(),
            **changes,
        }
    )


def let_in(ticket: Ticket, by: User, device: str, **says: object) -> None:
    """Report that a device let a ticket in, now; `says` replaces what it tells of itself."""
    now = timezone.now()
    key = uuid5(NAMESPACE_DNS, device)  # a device has one
    scanner = ScannerSays(key=key, name=device, **{"time": now, **says})  # type: ignore[arg-type] # fields by name
    shown = Shown(uuid4(), code_of(ticket), now, "admitted")
    report_scans(
        event_id=ticket.event_id, user=by, scanner=scanner, gate=device, scans=[shown], now=now
    )
