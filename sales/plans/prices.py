"""What the categories of a plan cost at an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sales.models import Event, PriceCategory
from sales.plans.parsing import Plan
from sales.plans.refusals import PricesRefused

__all__ = ["HIGHEST_PRICE", "Prices", "missing_categories"]

# What the column holds; 21 million euros.
HIGHEST_PRICE = 2**31 - 1


@dataclass(frozen=True)
class Prices:
    """Prices in minor units of the event's currency, by category; `default` is for the others.

    Neither changes what a category costs already: `default` is for new ones only.
    """

    by_category: Mapping[str, int] = field(default_factory=dict)
    default: int | None = None

    def of(self, names: Iterable[str]) -> dict[str, int]:
        """Return what new categories cost, without those of which nothing says it."""
        priced = {name: self.by_category.get(name, self.default) for name in names}
        return {name: price for name, price in priced.items() if price is not None}


def missing_categories(*, event: Event, plan: Plan, prices: Prices) -> list[PriceCategory]:
    """Return the price categories that the event lacks, not saved.

    Raises PricesRefused when one has no price, and for prices that would have no effect.
    """
    existing = dict(PriceCategory.objects.filter(event=event).values_list("name", "price_minor"))
    names = [category["name"] for category in plan.categories]
    priced = prices.of(names)
    missing = [name for name in names if name not in existing and name not in priced]
    unknown = [name for name in prices.by_category if name not in names]
    differing = [
        name
        for name, price in prices.by_category.items()
        if name in existing and existing[name] != price
    ]
    if missing or unknown or differing:
        raise PricesRefused(missing=missing, unknown=unknown, differing=differing)
    return [
        PriceCategory(
            event=event,
            name=category["name"],
            color=category["color"],
            price_minor=priced[category["name"]],
            position=position,
        )
        for position, category in enumerate(plan.categories)
        if category["name"] not in existing
    ]
