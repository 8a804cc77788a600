"""What DSQL's FOR UPDATE cannot do is refused, not sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import NotSupportedError, models, transaction

from tests.helpers.theatre import ALIAS, Make


@pytest.mark.parametrize(
    "clause", [{"nowait": True}, {"skip_locked": True}, {"of": ("self",)}, {"no_key": True}]
)
def test_refuses_a_clause_that_dsql_lacks(make: Make, clause: dict[str, Any]) -> None:
    seat = make("Seat", row=models.TextField())
    rows = seat._default_manager.using(ALIAS)
    with transaction.atomic(using=ALIAS), pytest.raises(NotSupportedError):
        rows.select_for_update(**clause).first()
    with transaction.atomic(using=ALIAS):
        assert list(rows.select_for_update()) == []
