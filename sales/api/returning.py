"""What is said when a ticket cannot be cancelled, refunded or exchanged."""

from __future__ import annotations

from sales.api.answers import Refusals
from sales.cancelling import OrderNotPaid, TooLate
from sales.exchanges import TooDear
from sales.refunds import RefundTooLarge
from sales.tickets import TicketUsed, TicketVoid
from worldseat.api.money import money, utc
from worldseat.api.problems import Problem

__all__ = ["RETURN_REFUSALS", "nothing_changed"]


def nothing_changed(refusal: Exception) -> str:
    """Say what happened, and that nothing came of it."""
    return f"{refusal} Nothing was changed."


def _not_paid(refusal: OrderNotPaid) -> Problem:
    return Problem(409, "order-not-paid", nothing_changed(refusal))


def _too_late(refusal: TooLate) -> Problem:
    until = utc(refusal.until) if refusal.until else None
    return Problem(409, "too-late", nothing_changed(refusal), until=until)


def _too_dear(refusal: TooDear) -> Problem:
    more = money(refusal.more_minor, refusal.currency)
    return Problem(409, "too-dear", nothing_changed(refusal), more=more)


def _too_large(refusal: RefundTooLarge) -> Problem:
    left = money(refusal.left_minor, refusal.currency)
    return Problem(409, "refund-too-large", nothing_changed(refusal), refundable=left)


def _used(refusal: TicketUsed) -> Problem:
    at = utc(refusal.admitted_at) if refusal.admitted_at else None
    return Problem(409, "already-admitted", nothing_changed(refusal), admitted_at=at)


def _void(refusal: TicketVoid) -> Problem:
    at = utc(refusal.voided_at) if refusal.voided_at else None
    return Problem(409, "ticket-void", nothing_changed(refusal), voided_at=at)


RETURN_REFUSALS: Refusals = {
    OrderNotPaid: _not_paid,
    TooLate: _too_late,
    TooDear: _too_dear,
    RefundTooLarge: _too_large,
    TicketUsed: _used,
    TicketVoid: _void,
}
