"""Lists of the admin that read no more than they may show: no COUNT(*) over everything."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

__all__ = ["MOST_LISTED", "BoundedPaginator"]

# A list's pages end here. What lies behind is found by filters and search.
MOST_LISTED = 5_000


class BoundedPaginator(Paginator[Any]):
    """Pages of the first MOST_LISTED rows; counting and the last page read no more than those."""

    @property
    def is_whole(self) -> bool:
        """Whether the pages show all there is."""
        return self.count < MOST_LISTED

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, MOST_LISTED at most."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_LISTED].count())
