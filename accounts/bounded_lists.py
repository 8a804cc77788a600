"""Lists of the admin that read what they show: pages by keyset, no COUNT(*) over everything.

Looked at first, and passed over: django-cursor-pagination compares all values as texts,
django-keyset-pagination-plus knows no NULLs and no UUIDs and believes what a URL says,
django-admin-cursor-paginator orders by one column without a tie-break.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from worldseat.keyset import LAST, BadCursor, Keyset, Page

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
else:  # it publishes no types, and has Django's interface
    from unfold.views import ChangeList

__all__ = ["MOST_AT_ONCE", "BoundedPaginator", "KeysetChangeList"]

# An action on all that a list finds is for so many rows at most.
MOST_AT_ONCE = 5_000


class BoundedPaginator(Paginator[Any]):
    """Rows that are counted no further than to MOST_AT_ONCE; autocompletes are paged by it."""

    template_name = "admin/keyset_pages.html"

    @property
    def is_whole(self) -> bool:
        """Whether all there is was counted."""
        return self.count < MOST_AT_ONCE

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, MOST_AT_ONCE at most."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_AT_ONCE].count())

    def get_elided_page_range(self, *args: Any, **kwargs: Any) -> Any:
        """Return no numbers: pages follow each other."""
        return []


class KeysetChangeList(ChangeList):
    """A list whose pages follow each other by keyset; the cursor is where a page's number was."""

    page: Page[Any]

    @property
    def ways(self) -> list[tuple[str, str, str]]:
        """Return the links below the list: what they say, their query, their relation."""
        before, after = self.page.preceding, self.page.following
        cursors = [
            ("First", "" if before else None, ""),
            ("Previous", before or None, "prev"),
            ("Next", after or None, "next"),
            ("Last", LAST if after else None, ""),
        ]
        return [
            (text, "" if cursor is None else self._query(cursor), rel)
            for text, cursor, rel in cursors
        ]

    def _query(self, cursor: str) -> str:
        return str(self.get_query_string({PAGE_VAR: cursor} if cursor else {}))

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Order by the columns that may be clicked, also where the URL names others."""
        asked = self.params.get("o", "").split(".")
        kept = [each for each in asked if self._may_order_by(each)]
        if kept != asked:
            self.params = {**self.params, "o": ".".join(kept)}
        return super().get_ordering(request, queryset)

    def _may_order_by(self, asked: str) -> bool:
        number = asked.removeprefix("-")
        if not number.isdecimal() or int(number) >= len(self.list_display):
            return False
        return self.sortable_by is None or self.list_display[int(number)] in self.sortable_by

    def _get_deterministic_ordering(self, ordering: Any) -> list[Any]:
        """Leave it to the keyset, which lets the primary key decide in the order's own direction.

        One index can then serve the order, its ties included.
        """
        return list(ordering)

    def get_results(self, request: HttpRequest) -> None:
        """Read a page; a cursor that is none, or another list's, leads to the first one."""
        load = self.apply_select_related(self.root_queryset)
        keyset, size = Keyset(self.queryset, load=load), self.list_per_page
        try:
            self.page = keyset.page(request.GET.get(PAGE_VAR, ""), size)
        except BadCursor:
            text = "That page is not of this list, or not in this order: this is the first page."
            messages.warning(request, text)
            self.page = keyset.page("", size)
        self.paginator = self.model_admin.get_paginator(request, self.queryset, size)
        self.multi_page = bool(self.page.preceding or self.page.following)
        self.show_all = self.can_show_all = self.show_full_result_count = False
        self.result_list = self.queryset._clone()
        self.result_list._result_cache = list(self.page.rows)  # formsets ask for a queryset
        # Counted where somebody may act on all of it, and no further than she may.
        counted = self.multi_page and bool(self.model_admin.get_actions(request))
        self.result_count = self.paginator.count if counted else len(self.page.rows)
        self.full_result_count = self.result_count
        self.show_admin_actions = True
