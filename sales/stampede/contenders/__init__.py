"""The contenders: what a stampede can run against, each the same buyers at another store."""

from __future__ import annotations

from sales.stampede.contenders.base import Contender, Found, Run, Shop, Unavailable, run_of
from sales.stampede.contenders.dynamodb import MREC, MREC_CONDITIONAL, MRSC_CONDITIONAL
from sales.stampede.contenders.holding import HOLDS
from sales.stampede.contenders.http import HTTP
from sales.stampede.contenders.postgresql import (
    CONDITIONAL_UPDATE,
    READ_COMMITTED,
    SELECT_FOR_UPDATE,
)
from sales.stampede.contenders.product import Dsql
from sales.stampede.contenders.waiting import Queueing

__all__ = [
    "CONTENDERS",
    "Contender",
    "Found",
    "Queueing",
    "Run",
    "Shop",
    "Unavailable",
    "contender_named",
    "run_of",
]

_ALL: tuple[Contender, ...] = (
    Dsql(),
    HOLDS,
    HTTP,
    READ_COMMITTED,
    SELECT_FOR_UPDATE,
    CONDITIONAL_UPDATE,
    MREC,
    MREC_CONDITIONAL,
    MRSC_CONDITIONAL,
)
CONTENDERS = {each.name: each for each in _ALL}


def contender_named(name: str) -> Contender:
    """Return a contender; raises Unavailable for an unknown name."""
    if name not in CONTENDERS:
        raise Unavailable(f"There is no contender {name!r}; use {', '.join(CONTENDERS)}.")
    return CONTENDERS[name]
