"""A row of every kind that belongs to acme."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model

from accounts.models import Membership, Organisation, User
from accounts.tenant_admin import TenantAdmin
from sales.models import (
    Allowance,
    Attempt,
    LedgerEntry,
    LedgerKind,
    Order,
    OrderState,
    Seat,
    Section,
    Stampede,
    StampedeRegion,
    Ticket,
    TicketState,
)

SECRET = "Zanzibar"


@pytest.fixture
def acmes_rows(
    alice: User, acme: Organisation, seats: list[Seat], fay: User, now: datetime
) -> dict[type[Model], Model]:
    """One row of each tenant's model, all of acme, whose texts say SECRET where they can."""
    seat, event, plan = seats[0], seats[0].event, seats[0].event.plan
    assert plan
    sold: dict[str, Any] = {"event": event, "currency": "EUR", "created_at": now}
    order = Order.objects.create(
        fan=fay, state=OrderState.PAID, total_minor=4500, region="us-east-1", **sold
    )
    ticket = Ticket.objects.create(
        order=order, seat=seat, fan=fay, state=TicketState.VALID, price_minor=4500, **sold
    )
    line = LedgerEntry.objects.create(order=order, kind=LedgerKind.SALE, amount_minor=4500, **sold)
    allowance = Allowance.objects.create(event=event, fan=fay, used=1)
    stampede = Stampede.objects.create(event=event, seat=seats[1], buyers=1, created_at=now)
    region = StampedeRegion.objects.create(stampede=stampede, region=SECRET, buyers=1)
    attempt = Attempt.objects.create(stampede=stampede, region=SECRET, number=1, fan=fay)
    for row in (acme, event, event.venue, plan, seat.category):
        row.name = f"{SECRET} {row._meta.model_name}"
        row.save()
    Section.objects.filter(plan=plan).update(name=SECRET)
    Seat.objects.filter(event=event).update(section=SECRET)
    rows: list[Model] = [
        acme,
        event,
        event.venue,
        plan,
        seat.category,
        seats[1],
        plan.sections.get(),
        stampede,
        region,
        attempt,
        Membership.objects.get(user=alice),
        order,
        ticket,
        line,
        allowance,
    ]
    return {type(row): row for row in rows}


def tenants_models() -> list[type[Model]]:
    """Return the models whose rows belong to a tenant, as the admin has them."""
    return [model for model, each in admin.site._registry.items() if isinstance(each, TenantAdmin)]
