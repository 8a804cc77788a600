"""Cash, or a card at the counter: the money is there when it is written down."""

from __future__ import annotations

from uuid import UUID

from sales.payments.protocol import Authorization

__all__ = ["BoxOffice"]


class BoxOffice:
    """Money that changes hands at the counter, in both directions."""

    staff_only = True

    def authorize(
        self, *, payment_id: UUID, amount_minor: int, currency: str, token: str
    ) -> Authorization:
        """Take the cash."""
        return Authorization(reference="", captured=True)

    def lookup(self, *, payment_id: UUID) -> Authorization | None:
        """Say that nobody put it in the till: the order it was for did not come about."""
        return None

    def capture(self, *, payment_id: UUID, reference: str) -> None:
        """Do nothing: it is captured."""

    def void(self, *, payment_id: UUID) -> None:
        """Do nothing: the clerk was told that nothing was sold, and hands the cash back."""

    def refund(
        self, *, refund_id: UUID, payment_id: UUID, reference: str, amount_minor: int
    ) -> str:
        """Do nothing: the clerk hands the cash out."""
        return ""
