"""An event from draft to close, and its rules."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import pytest

from accounts.models import AuditEntry, User
from sales.back_office.access import RoleTooLow
from sales.events import EventNotFound, NotOnSale
from sales.models import Event, EventState, Order, OutboxEvent, Seat
from sales.organising.event_rules import BadEvent, change_event, create_event
from sales.organising.event_states import NotReady, WrongState, move_event
from tests.helpers.cast import at_once
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)


def move(event: Event, user: User, name: str, now: datetime) -> str:
    return move_event(event_id=event.pk, user=user, move=name, now=now).state


def test_goes_from_draft_to_close(draft: Event, alice: User, now: datetime) -> None:
    moves = ["publish", "pause", "resume", "close"]
    states = [move(draft, alice, name, now) for name in moves]
    assert states == ["published", "paused", "published", "closed"]
    acts = AuditEntry.objects.filter(subject_id=str(draft.pk)).order_by("at", "pk")
    assert {act.action for act in acts} == {
        "event.published",
        "event.paused",
        "event.resumed",
        "event.closed",
    }
    assert OutboxEvent.objects.filter(subject_id=draft.pk).count() == 4


@pytest.mark.parametrize(
    ("state", "name"),
    [("draft", "pause"), ("draft", "close"), ("closed", "publish"), ("published", "resume")],
)
def test_refuses_a_move_from_the_wrong_state(
    draft: Event, alice: User, now: datetime, state: str, name: str
) -> None:
    Event.objects.filter(pk=draft.pk).update(state=state)
    if (state, name) == ("published", "resume"):
        assert move(draft, alice, name, now) == "published"  # it is there already
        assert not AuditEntry.objects.exists()
        return
    with pytest.raises(WrongState, match="Nothing was changed"):
        move(draft, alice, name, now)
    draft.refresh_from_db()
    assert draft.state == state


def test_sells_nothing_while_it_is_paused(
    event: Event, alice: User, fay: User, seat: Seat, now: datetime
) -> None:
    move(event, alice, "pause", now)
    with pytest.raises(NotOnSale):
        buy(seat, fay)
    move(event, alice, "resume", now)
    buy(seat, fay)


def test_publishes_only_what_has_seats_and_a_sale_to_come(
    draft: Event, alice: User, now: datetime
) -> None:
    with pytest.raises(NotReady, match="ended"):
        move(draft, alice, "publish", draft.off_sale_at + timedelta(days=1))
    Event.objects.filter(pk=draft.pk).update(plan=None)
    with pytest.raises(NotReady, match="no seats"):
        move(draft, alice, "publish", now)


def test_hides_nothing_that_was_sold(
    event: Event, alice: User, fay: User, seat: Seat, now: datetime
) -> None:
    buy(seat, fay)
    with pytest.raises(NotReady, match="close the event"):
        move(event, alice, "withdraw", now)


def test_is_moved_by_managers_of_its_own_organisation(
    event: Event, bob: User, charlie: User, now: datetime
) -> None:
    with pytest.raises(RoleTooLow):
        move(event, bob, "pause", now)
    with pytest.raises(EventNotFound):
        move(event, charlie, "pause", now)
    event.refresh_from_db()
    assert event.state == EventState.PUBLISHED


def test_pauses_once_when_two_do_at_once(event: Event, alice: User, now: datetime) -> None:
    told = at_once([partial(move, event, alice, "pause", now)] * 2)
    assert told == ["paused", "paused"]
    assert AuditEntry.objects.filter(action="event.paused").count() == 1


def test_changes_rules_and_says_what_changed(event: Event, alice: User, now: datetime) -> None:
    change_event(event_id=event.pk, user=alice, fields={"limit_per_fan": 2}, now=now)
    event.refresh_from_db()
    assert event.limit_per_fan == 2
    assert AuditEntry.objects.get().changes == {"limit_per_fan": [4, 2]}


def test_refuses_rules_that_cannot_be(event: Event, alice: User, bob: User, now: datetime) -> None:
    for fields in (
        {"off_sale_at": event.on_sale_at},
        {"limit_per_fan": 0},
        {"hold_seconds": 9000, "hold_limit_seconds": 60},
        {"state": "closed"},
    ):
        with pytest.raises(BadEvent):
            change_event(event_id=event.pk, user=alice, fields=fields, now=now)
    with pytest.raises(RoleTooLow):
        change_event(event_id=event.pk, user=bob, fields={"name": "Mine"}, now=now)
    before = event.name
    event.refresh_from_db()
    assert (event.name, event.limit_per_fan, event.state) == (before, 4, "published")
    assert not Order.objects.exists()


def test_makes_a_draft_with_an_address_of_its_own(event: Event, alice: User, now: datetime) -> None:
    fields = {
        "name": "Opening Night",
        "starts_at": now + timedelta(days=9),
        "on_sale_at": now,
        "off_sale_at": now + timedelta(days=8),
    }
    made = create_event(venue_id=event.venue_id, user=alice, currency="EUR", fields=fields, now=now)
    assert (made.state, made.slug) == ("draft", "opening-night-2")
