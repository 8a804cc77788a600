"""Seating plans: read pretix's JSON format, check it, import it into an event.

`read_plan` makes a Plan of a file, `plan_by_numbers` of row ranges; `import_plan` makes the
plan's seats for an event, and only at its end do they count.
"""

from sales.plans.importing import Done, Progress, import_plan
from sales.plans.numbers import BadNumbers, Block, plan_by_numbers
from sales.plans.parsing import Plan, PlanInvalid, PlannedSeat, parse_plan, read_plan
from sales.plans.places import Place
from sales.plans.prices import HIGHEST_PRICE, Prices
from sales.plans.reading import PlanUnreadable
from sales.plans.refusals import (
    EventHasSales,
    ImportDisturbed,
    OtherPlan,
    PricesRefused,
    Published,
    Refused,
    UnknownEvent,
)
from sales.plans.storing import PlanIncomplete, plan_of, store_plan
from sales.plans.tables import parse_table

__all__ = [
    "HIGHEST_PRICE",
    "BadNumbers",
    "Block",
    "Done",
    "EventHasSales",
    "ImportDisturbed",
    "OtherPlan",
    "Place",
    "Plan",
    "PlanIncomplete",
    "PlanInvalid",
    "PlanUnreadable",
    "PlannedSeat",
    "Prices",
    "PricesRefused",
    "Progress",
    "Published",
    "Refused",
    "UnknownEvent",
    "import_plan",
    "parse_plan",
    "parse_table",
    "plan_by_numbers",
    "plan_of",
    "read_plan",
    "store_plan",
]
