"""The cast plays the parts that its fixtures promise."""

from __future__ import annotations

import pytest

from accounts.models import Organisation, User
from accounts.tenancy import organisations_of
from sales.models import Event, Seat

pytestmark = pytest.mark.django_db


def test_has_two_organisations_that_share_nobody(
    alice: User, bob: User, charlie: User, fay: User, acme: Organisation, rival: Organisation
) -> None:
    assert list(organisations_of(alice)) == list(organisations_of(bob)) == [acme]
    assert list(organisations_of(charlie)) == [rival]
    assert not organisations_of(fay).exists()


def test_has_an_event_whose_seats_match_its_plan(event: Event, seats: list[Seat]) -> None:
    assert event.plan
    assert event.plan.seat_count == len(seats) == 12
    guids = [
        seat["seat_guid"]
        for section in event.plan.sections.all()
        for row in section.layout["rows"]
        for seat in row["seats"]
    ]
    assert guids == [seat.guid for seat in seats]
    assert [str(seat) for seat in seats[:2]] == ["Floor A-1", "Floor A-2"]
