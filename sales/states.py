"""Where an order, its payments and its refunds may go: the one table of it.

Every change of such a state goes through `move`. docs/orders.md tells what each state means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sales.models import Order, OrderState, Payment, PaymentState, Refund, RefundState

__all__ = ["FIRST", "MOVES", "ForbiddenMove", "move"]

Moves = Mapping[str, frozenset[str]]

# The states in which a row may be written first.
FIRST: Mapping[type[Any], frozenset[str]] = {
    # PAID: the one-request purchase.
    Order: frozenset({OrderState.PENDING, OrderState.PAID}),
    # CAPTURED: money that a box office has in its hand when it is written.
    Payment: frozenset({PaymentState.CREATED, PaymentState.CAPTURED}),
    # DONE: nothing for a provider to do.
    Refund: frozenset({RefundState.PENDING, RefundState.DONE}),
}

# State -> the states it may change to; what leads nowhere is final.
MOVES: Mapping[type[Any], Moves] = {
    Order: {
        OrderState.PENDING: frozenset({OrderState.PAID, OrderState.FAILED}),
        OrderState.PAID: frozenset({OrderState.CANCELLED}),
        OrderState.FAILED: frozenset(),
        OrderState.CANCELLED: frozenset(),
    },
    Payment: {
        PaymentState.CREATED: frozenset(
            {
                PaymentState.UNKNOWN,
                PaymentState.AUTHORIZED,
                PaymentState.CAPTURED,
                PaymentState.REFUSED,
                PaymentState.VOIDED,
            }
        ),
        PaymentState.UNKNOWN: frozenset(
            {
                PaymentState.AUTHORIZED,
                PaymentState.CAPTURED,
                PaymentState.REFUSED,
                PaymentState.VOIDED,
            }
        ),
        PaymentState.AUTHORIZED: frozenset({PaymentState.CAPTURED, PaymentState.VOIDED}),
        # What is given back of it is in refunds.
        PaymentState.CAPTURED: frozenset(),
        PaymentState.REFUSED: frozenset(),
        PaymentState.VOIDED: frozenset(),
    },
    Refund: {
        RefundState.PENDING: frozenset({RefundState.DONE, RefundState.FAILED}),
        RefundState.DONE: frozenset(),
        RefundState.FAILED: frozenset(),
    },
}


class ForbiddenMove(Exception):
    """The state may not change so; this is a fault of ours."""

    def __init__(self, kind: str, old: str, new: str) -> None:
        super().__init__(f"{kind}: {old} may not become {new}.")
        self.old = old
        self.new = new


def move(row: Order | Payment | Refund, to: str, **changes: Any) -> None:
    """Change a row's state and other fields of it, in one statement; raises ForbiddenMove.

    The caller has read the row in this transaction: who else moved it meanwhile wrote the same
    row, and one of the two conflicts.
    """
    old, new = str(row.state), str(to)
    if new not in MOVES[type(row)][old]:
        raise ForbiddenMove(type(row).__name__, old, new)
    row.state = to
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=["state", *changes])
