"""What a payment provider does for us, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

__all__ = ["Authorization", "Provider", "Refused", "TimedOut"]


class Refused(Exception):
    """The provider says no, for good."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TimedOut(Exception):
    """The provider gave no answer in time: what it was asked for may have happened or not."""


@dataclass(frozen=True)
class Authorization:
    """Money that is promised, or with `captured` taken already (cash).

    `reference` is the provider's name of the payment.
    """

    reference: str
    captured: bool = False


class Provider(Protocol):
    """A way to pay. Amounts are minor units.

    Every call is made outside of transactions, and may be made again after any failure, from any
    process, also two at once: `payment_id` and `refund_id` are the idempotency keys, and a call
    repeated with one has the effect of one and the first one's outcome. An implementation keeps
    time-outs of its own, of some seconds. Whatever it raises beside Refused counts as TimedOut.
    """

    # Only who works in the event's box office may pay so.
    staff_only: bool

    def authorize(
        self, *, payment_id: UUID, amount_minor: int, currency: str, token: str
    ) -> Authorization:
        """Have an amount promised; `token` stands for the fan's card. Raises Refused, TimedOut."""
        ...

    def lookup(self, *, payment_id: UUID) -> Authorization | None:
        """Tell what became of an authorization; None: it never arrived.

        Raises Refused where it was refused or voided, TimedOut while it is in the works.
        """
        ...

    def capture(self, *, payment_id: UUID, reference: str) -> None:
        """Take what was promised. Raises Refused, TimedOut."""
        ...

    def void(self, *, payment_id: UUID) -> None:
        """Undo a payment that paid for nothing: end the promise, give back what was captured.

        What never arrived is noted: an authorization that arrives later is refused.
        Raises TimedOut.
        """
        ...

    def refund(
        self, *, refund_id: UUID, payment_id: UUID, reference: str, amount_minor: int
    ) -> str:
        """Give back a part of what was captured; returns the provider's name of the refund.

        Raises Refused, TimedOut.
        """
        ...
