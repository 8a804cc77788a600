"""What a seat costs: the price of its category or of a price type, and the event's fee.

Every price that is shown or asked for includes the fee (all-in); `fee_minor` says which part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Price", "price_of", "total_of"]

_BASIS_POINTS = 10_000


class HasFee(Protocol):
    """An event, or what was read of one."""

    @property
    def fee_minor(self) -> int:
        """The fixed part."""

    @property
    def fee_basis_points(self) -> int:
        """The share of the price."""


class HasPrice(Protocol):
    """A category or a price type, or what was read of one."""

    @property
    def price_minor(self) -> int:
        """The price without the fee."""


@dataclass(frozen=True)
class Price:
    """A price in minor units of the event's currency: what the seat costs, and the fee on top."""

    price_minor: int
    fee_minor: int

    @property
    def total_minor(self) -> int:
        """Return what is asked for."""
        return self.price_minor + self.fee_minor


def price_of(event: HasFee, category: HasPrice, price_type: HasPrice | None = None) -> Price:
    """Return the price of a seat of a category, full or of a price type.

    The fee is the event's fixed part and its share of the price, halves rounded up. What costs
    nothing has no fee.
    """
    price = price_type.price_minor if price_type else category.price_minor
    if price == 0:
        return Price(0, 0)
    share = (price * event.fee_basis_points + _BASIS_POINTS // 2) // _BASIS_POINTS
    return Price(price, event.fee_minor + share)


def total_of(prices: Iterable[Price]) -> Price:
    """Add prices up."""
    listed = list(prices)
    return Price(sum(each.price_minor for each in listed), sum(each.fee_minor for each in listed))
