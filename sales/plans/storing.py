"""A plan as a venue keeps it: a row, and one for each zone (DSQL: 1 MiB a column)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sales.models import SeatingPlan, Section, Venue
from sales.plans.checks import layout_bytes
from sales.plans.parsing import Plan, plan_of_document
from worldseat.dsql.occ import occ_retry

__all__ = [
    "PlanIncomplete",
    "missing_zones",
    "plan_of",
    "plan_row",
    "store_plan",
    "write_zones",
]

# DSQL takes 10 MiB in a transaction; what is stored may be larger than what is sent.
SECTION_BYTES_A_BATCH = 4 * 1024 * 1024

Zones = list[tuple[int, dict[str, Any]]]


class PlanIncomplete(ValueError):
    """Some of the plan's zones are missing: its upload ended early. Upload it again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def store_plan(*, venue_id: UUID, plan: Plan, is_upload: bool) -> UUID:
    """Keep a plan for a venue and return its id; one that the venue has already stays as it is.

    `is_upload`: it is there to be looked at, and not yet one of the venue's plans. Safe to run
    again, also after a kill. Raises Venue.DoesNotExist.
    """
    plan_id = _begin(venue_id=venue_id, plan=plan, is_upload=is_upload)
    for zones in missing_zones(plan_id, plan):
        _write(plan_id=plan_id, zones=zones)
    return plan_id


@occ_retry(repeatable=True)
def _begin(*, venue_id: UUID, plan: Plan, is_upload: bool) -> UUID:
    venue = Venue.objects.get(pk=venue_id)
    # Two that store the same plan at once would both make its row: written, one runs again.
    Venue.objects.filter(pk=venue_id).update(name=venue.name)
    return plan_row(venue, plan, is_upload=is_upload).pk


@occ_retry(repeatable=True)
def _write(*, plan_id: UUID, zones: Zones) -> None:
    write_zones(plan_id, zones)


def plan_row(venue: Venue, plan: Plan, *, is_upload: bool = False) -> SeatingPlan:
    """Return the venue's row of a plan, or make it, in the caller's transaction."""
    found = SeatingPlan.objects.filter(venue=venue, digest=plan.digest).first()
    if found is None:
        return SeatingPlan.objects.create(
            organisation_id=venue.organisation_id,
            venue=venue,
            name=plan.name,
            width=plan.width,
            height=plan.height,
            categories=plan.categories,
            seat_count=len(plan.seats),
            digest=plan.digest,
            is_upload=is_upload,
        )
    if found.is_upload and not is_upload:
        found.is_upload = False
        found.save(update_fields=["is_upload"])
    return found


def missing_zones(plan_id: UUID, plan: Plan) -> Iterator[Zones]:
    """Yield the zones that are not stored yet, with their places, a transaction's worth each."""
    made = set(Section.objects.filter(plan_id=plan_id).values_list("position", flat=True))
    batch: Zones = []
    size = 0
    for position, zone in enumerate(plan.zones):
        if position in made:
            continue
        size += layout_bytes(zone)
        if batch and size > SECTION_BYTES_A_BATCH:
            yield batch
            batch, size = [], layout_bytes(zone)
        batch.append((position, zone))
    if batch:
        yield batch


def write_zones(plan_id: UUID, zones: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Insert some zones as sections, in the caller's transaction."""
    Section.objects.bulk_create(
        [
            Section(
                plan_id=plan_id,
                name=zone["name"],
                # Older plans have no zone_id; pretix falls back to the name.
                zone_id=zone.get("zone_id") or zone["name"],
                position=position,
                layout=zone,
            )
            for position, zone in zones
        ],
        ignore_conflicts=True,
    )


def plan_of(stored: SeatingPlan) -> Plan:
    """Return a plan as it was read; raises PlanIncomplete."""
    zones = list(stored.sections.order_by("position").values_list("layout", flat=True))
    plan = plan_of_document(
        {
            "name": stored.name,
            "size": {"width": stored.width, "height": stored.height},
            "categories": stored.categories,
            "zones": zones,
        }
    )
    if len(plan.seats) != stored.seat_count:
        raise PlanIncomplete
    return replace(plan, digest=stored.digest)
