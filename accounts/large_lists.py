"""Lists of what grows with every sale: searched by index, ordered by clicks where that is bounded.

No index is made for them: each would cost every sale. So a search asks those that are there for
how a text begins, or all of it; and a click on a column sorts one event's rows, not all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib.admin.filters import ChoicesFieldListFilter
from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

from accounts.tenancy import as_uuid

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:  # it publishes no types, and has Django's interface
    from unfold.admin import ModelAdmin

__all__ = ["LargeList", "known_values", "names_of"]

M = TypeVar("M", bound=Model)

# How what is searched is stored, so that it is asked for as it is.
_STORED: dict[str, Callable[[str], str]] = {
    "email": str.lower,
    "reference": str.upper,
    "code": str.upper,
}
_LONGEST = 200


class LargeList(ModelAdmin[M]):
    """Put before an admin whose rows are many.

    search_fields: lookups that an index answers, such as `order__reference__startswith`; each is
    a query of its own, since no index answers an OR across tables.
    bounded_by: the lookup of the event that a filter narrows the list to.
    """

    bounded_by: ClassVar[str] = "event"
    search_fields: ClassVar[Any] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Keep the rows of which a field begins with the text, or is it."""
        term = search_term.replace("\0", "").strip()[:_LONGEST]
        if not term:
            return queryset, False
        conditions = list(self.searched(request, term))
        if len(conditions) == 1:
            return queryset.filter(**conditions[0]), False
        rows = self.get_queryset(request).order_by()
        first, *others = (rows.filter(**each).values("pk") for each in conditions)
        return queryset.filter(pk__in=first.union(*others, all=True)), False

    def searched(self, request: HttpRequest, term: str) -> Iterable[dict[str, Any]]:
        """Yield the conditions one of which a row has to meet; at least one."""
        for field in self.get_search_fields(request):
            path, _, lookup = str(field).rpartition(LOOKUP_SEP)
            stored = _STORED.get(path.rpartition(LOOKUP_SEP)[2], str)
            yield {f"{path}__{lookup}": stored(term)}
        if (pk := as_uuid(term)) or not self.get_search_fields(request):
            yield {"pk": pk}

    def is_bounded(self, request: HttpRequest) -> bool:
        """Tell whether the list is narrowed to one event."""
        return bool(request.GET.get(f"{self.bounded_by}__id__exact"))

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Let columns be clicked where few rows have to be sorted: one event's."""
        return super().get_sortable_by(request) if self.is_bounded(request) else ()


def names_of(user: str = "") -> tuple[str, ...]:
    """Return the search_fields that find somebody by address, name or last name, by its beginning.

    user: the lookup that leads to whom it is, such as `hold__fan`; empty: the rows are users.
    """
    lookups = ("email__startswith", "name__istartswith", "name__last_word__istartswith")
    return tuple(f"{user}{LOOKUP_SEP}{each}" if user else each for each in lookups)


def known_values(values: Callable[[], Iterable[str]]) -> type[ChoicesFieldListFilter]:
    """Return a filter by values that are known: Django's reads all the rows to find them."""

    class KnownValuesFilter(ChoicesFieldListFilter):
        def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
            named = copy(field)
            named.choices = [(each, each) for each in values()]
            super().__init__(named, *args, **kwargs)

    return KnownValuesFilter
