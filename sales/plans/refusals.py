"""Why a plan is not imported into an event; each says what to do."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "EventHasSales",
    "ImportDisturbed",
    "OtherPlan",
    "PricesRefused",
    "Published",
    "Refused",
    "UnknownEvent",
]


class Refused(Exception):
    """The plan was not imported."""

    code = "refused"


class UnknownEvent(Refused, LookupError):
    """There is no such event (any more)."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class OtherPlan(Refused):
    """The event has another plan already."""

    code = "other-plan"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"The event has a plan already, {name!r}, and a plan is not replaced: its seats may be "
            f"bookmarked, held or sold. Make another event for another plan."
        )


class EventHasSales(Refused):
    """Something of the event was sold, or a stampede ran."""

    code = "has-sales"

    def __init__(self) -> None:
        super().__init__(
            "The event has orders, tickets or stampedes; its seats stay as they are. "
            "Make another event for this plan."
        )


class Published(Refused):
    """The event is published, and has seats that are not the plan's."""

    code = "published"

    def __init__(self, seats: int) -> None:
        self.seats = seats
        super().__init__(
            f"The event is published and has {seats:,} seats that are not this plan's. Set it back "
            f"to draft in the admin and run again (they will be deleted), or make another event."
        )


class PricesRefused(Refused):
    """The prices do not fit the plan's categories."""

    code = "prices"

    def __init__(
        self,
        *,
        missing: Sequence[str] = (),
        unknown: Sequence[str] = (),
        differing: Sequence[str] = (),
    ) -> None:
        self.missing, self.unknown, self.differing = list(missing), list(unknown), list(differing)
        said = []
        if missing:
            said.append(
                f"These categories have no price: {_listed(missing)}. Give each one "
                f"(--price NAME=4500, in minor units), or --default-price for all."
            )
        if unknown:
            said.append(f"The plan has no such categories: {_listed(unknown)}.")
        if differing:
            said.append(
                f"These categories have another price at the event: {_listed(differing)}. Leave "
                f"them out, or change the price in the admin."
            )
        super().__init__(" ".join(said))


class ImportDisturbed(Refused):
    """Another import changed the event's seats at the same time."""

    code = "disturbed"

    def __init__(self) -> None:
        super().__init__(
            f"{self.__doc__} The plan does not count yet. When the other has ended, run this again."
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
