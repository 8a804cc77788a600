"""The demo's cast and events: made once, but for a fresh event for each stampede."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password

from accounts.models import Membership, Organisation, Role, User
from sales.models import Event, EventState, Venue
from sales.plans import Block, Plan, Prices, Progress, import_plan, plan_by_numbers, read_plan
from worldseat.dsql.occ import occ_retry

__all__ = ["CAST", "PLANS", "SEAT", "SIMULATION_PLANS", "Character", "seed", "seed_simulation"]

PLANS = Path(__file__).resolve().parent / "data" / "plans"
# What can be stampeded: 96 seats, or a hall of 1,586; with what its categories cost.
SIMULATION_PLANS = {
    "floor-96": {"Premium": 9500, "Standard": 4500},
    "hall": {"A": 12000, "B": 9500, "C": 7500, "D": 5500, "E": 4000, "F": 2500},
}
# What the stampede's buyers all want.
SEAT = "A-1"

_RUN = re.compile(r"opening-night-([0-9]+)")


@dataclass(frozen=True)
class Character:
    """Somebody who can log in; `organisation` is a slug, empty for who works for none."""

    title: str
    email: str
    name: str
    organisation: str = ""
    role: Role | None = None
    is_superuser: bool = False


ORGANISATIONS = {"aurora-live": "Aurora Live", "southern-lights": "Southern Lights"}

CAST = (
    Character("Superuser", "admin@worldseat.example", "Ada Admin", is_superuser=True),
    Character("Owner", "owner@aurora-live.example", "Olga Owner", "aurora-live", Role.OWNER),
    Character(
        "Box office", "boxoffice@aurora-live.example", "Bo Office", "aurora-live", Role.BOX_OFFICE
    ),
    Character("Viewer", "viewer@aurora-live.example", "Vera Viewer", "aurora-live", Role.VIEWER),
    Character("Scanner", "door@aurora-live.example", "Dora Door", "aurora-live", Role.SCANNER),
    Character("Rival", "owner@southern-lights.example", "Rita", "southern-lights", Role.OWNER),
    Character("Fan", "fan@worldseat.example", "Fay Fan"),
)


@dataclass(frozen=True)
class _Show:
    organisation: str
    venue: str
    city: str
    time_zone: str
    name: str
    slug: str


_GALA = _Show(
    "aurora-live", "Concert Hall", "Lisbon", "Europe/Lisbon", "Winter Gala", "winter-gala"
)
_RIVAL = _Show(
    "southern-lights",
    "Harbour Stage",
    "Hobart",
    "Australia/Hobart",
    "Midsummer Ball",
    "midsummer-ball",
)
_RUNS = _Show(
    "aurora-live",
    "The Floor",
    "Lisbon",
    "Europe/Lisbon",
    "Opening night, run {}",
    "opening-night-{}",
)


def seed(*, password: str, now: datetime, progress: Progress = lambda done, of: None) -> Event:
    """Make what the demo needs and lacks; return a fresh event to stampede, on sale at `now`.

    Everybody in CAST logs in with `password` afterwards. Earlier runs' events are closed. Safe
    to run again, also after a kill.
    """
    seed_cast(password=password)
    _seed_show(
        _GALA,
        plan=partial(read_plan, PLANS / "hall.json"),
        prices=SIMULATION_PLANS["hall"],
        now=now,
        progress=progress,
    )
    stalls = Block(section="Stalls", rows="A-D", seats=10)
    _seed_show(
        _RIVAL,
        plan=partial(plan_by_numbers, [stalls]),
        prices={"Standard": 3000},
        now=now,
        progress=progress,
    )
    return _seed_run(now=now, progress=progress)


def seed_cast(*, password: str) -> None:
    """Make the organisations and the people, and let them log in with `password`."""
    stored = User.objects.filter(email__in=[each.email for each in CAST])
    encoded = set(stored.values_list("password", flat=True))
    # Hashing takes half a second: one hash serves the whole cast, and a second run checks one.
    if len(encoded) == 1 and check_password(password, first := encoded.pop()):
        _write_cast(encoded=first)
    else:
        _write_cast(encoded=make_password(password))


@occ_retry(repeatable=True)
def _write_cast(*, encoded: str) -> None:
    Organisation.objects.bulk_create(
        [Organisation(slug=slug, name=name) for slug, name in ORGANISATIONS.items()],
        ignore_conflicts=True,
    )
    User.objects.bulk_create(
        [
            User(
                email=each.email,
                name=each.name,
                password=encoded,
                is_staff=each.is_superuser,
                is_superuser=each.is_superuser,
            )
            for each in CAST
        ],
        ignore_conflicts=True,
    )
    emails = [each.email for each in CAST]
    User.objects.filter(email__in=emails).exclude(password=encoded).update(password=encoded)
    organisations = Organisation.objects.filter(slug__in=ORGANISATIONS).in_bulk(field_name="slug")
    users = User.objects.filter(email__in=emails).in_bulk(field_name="email")
    Membership.objects.bulk_create(
        [
            Membership(
                organisation=organisations[each.organisation],
                user=users[each.email],
                role=each.role,
            )
            for each in CAST
            if each.role
        ],
        ignore_conflicts=True,
    )


def _seed_show(
    show: _Show,
    *,
    plan: Callable[[], Plan],
    prices: dict[str, int],
    now: datetime,
    progress: Progress,
) -> None:
    event = _draft(show=show, now=now)
    # Checking a large plan takes a while; only the first run has to.
    if event.plan_id is None:
        import_plan(
            event_id=event.pk,
            plan=plan(),
            prices=Prices(by_category=prices),
            now=now,
            progress=progress,
        )
    _open(event_id=event.pk, now=now)


def seed_simulation(*, now: datetime, plan: str = "floor-96") -> Event:
    """Make a fresh event to stampede, on sale at `now`; others are left as they are.

    `plan` is one of SIMULATION_PLANS. Makes the organisation too, where the demo has not.
    """
    _write_organisations()
    return _seed_run(now=now, progress=lambda done, of: None, plan=plan, alone=False)


@occ_retry(repeatable=True)
def _write_organisations() -> None:
    Organisation.objects.bulk_create(
        [Organisation(slug=slug, name=name) for slug, name in ORGANISATIONS.items()],
        ignore_conflicts=True,
    )


def _seed_run(
    *, now: datetime, progress: Progress, plan: str = "floor-96", alone: bool = True
) -> Event:
    event = _new_run(now=now)
    import_plan(
        event_id=event.pk,
        plan=read_plan(PLANS / f"{plan}.json"),
        prices=Prices(by_category=SIMULATION_PLANS[plan]),
        now=now,
        progress=progress,
    )
    if alone:
        _close_runs(keep=event.pk)
    _open(event_id=event.pk, now=now)
    return event


@occ_retry(repeatable=True)
def _draft(*, show: _Show, now: datetime) -> Event:
    """Return the show's event, made as a draft if there is none."""
    found = Event.objects.filter(organisation__slug=show.organisation, slug=show.slug).first()
    return found or _new_event(show, now=now)


@occ_retry(repeatable=True)
def _new_run(*, now: datetime) -> Event:
    """Make the next run's event. Two at once take the same number: one of them goes again."""
    slugs = Event.objects.filter(organisation__slug=_RUNS.organisation).values_list(
        "slug", flat=True
    )
    numbers = [int(match[1]) for slug in slugs if (match := _RUN.fullmatch(slug))]
    # A row that both write: the unique slug would end the second one instead.
    Organisation.objects.filter(slug=_RUNS.organisation).update(
        name=ORGANISATIONS[_RUNS.organisation]
    )
    return _new_event(_RUNS, now=now, number=max(numbers, default=0) + 1)


def _new_event(show: _Show, *, now: datetime, number: int | None = None) -> Event:
    organisation = Organisation.objects.get(slug=show.organisation)
    Venue.objects.bulk_create(
        [
            Venue(
                organisation=organisation,
                name=show.venue,
                city=show.city,
                time_zone=show.time_zone,
            )
        ],
        ignore_conflicts=True,
    )
    return Event.objects.create(
        organisation=organisation,
        venue=Venue.objects.get(organisation=organisation, name=show.venue),
        name=show.name.format(number),
        slug=show.slug.format(number),
        state=EventState.DRAFT,
        is_simulation=number is not None,
        currency="EUR",
        **_window(now),
    )


def _window(now: datetime) -> dict[str, Any]:
    return {
        "on_sale_at": now - timedelta(minutes=1),
        "off_sale_at": now + timedelta(days=90),
        "starts_at": now + timedelta(days=91),
        "fans_cancel_until": now + timedelta(days=90),
    }


@occ_retry(repeatable=True)
def _open(*, event_id: UUID, now: datetime) -> None:
    """Put an event on sale; one whose sale has ended since the last demo sells again."""
    Event.objects.filter(pk=event_id, state=EventState.DRAFT).update(state=EventState.PUBLISHED)
    Event.objects.filter(pk=event_id, off_sale_at__lte=now).update(**_window(now))


@occ_retry(repeatable=True)
def _close_runs(*, keep: UUID) -> None:
    """Close the earlier runs, also those that a kill left half made."""
    runs: Sequence[UUID] = [
        pk
        for pk, slug in Event.objects.filter(
            organisation__slug=_RUNS.organisation, is_simulation=True
        ).values_list("pk", "slug")
        if _RUN.fullmatch(slug) and pk != keep
    ]
    Event.objects.filter(pk__in=runs).exclude(state=EventState.CLOSED).update(
        state=EventState.CLOSED
    )
