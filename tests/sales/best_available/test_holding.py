"""The best seats that are left: held side by side, whoever else wants them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation, User
from sales import occupancy
from sales.best_available.holding import BestHold, NoSeatsLeft, Wish, hold_best_available
from sales.codes import CodeRequired
from sales.events import NotOnSale
from sales.holds import Wanted, hold_seats
from sales.idempotency import Answer, Keyed, RequestKey
from sales.limits import LimitReached
from sales.models import Event, Hold, PresaleCode, PriceCategory, PriceType, Seat
from sales.seats import UnknownSeat
from tests.helpers.cast import at_once, make_event, make_fans
from tests.helpers.invariants import broken_invariants
from worldseat.dsql.occ import tally

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def other_process() -> None:
    """Begin as a process that has no copies."""
    occupancy._copies = occupancy._Copies()


def want(event: Event, fan: User, quantity: int, **changes: Any) -> BestHold:
    """Hold the best seats now; changes go to the wish, or to the domain function."""
    wish = {
        name: changes.pop(name)
        for name in ("category_id", "accessible", "price_type_ids")
        if name in changes
    }
    held = hold_best_available(
        **{
            "event_id": event.pk,
            "wish": Wish(quantity, **wish),
            "fan_id": fan.pk,
            "region": "us-east-1",
            "now": timezone.now(),
            **changes,
        }
    )
    assert isinstance(held, BestHold)
    return held


def labels(held: BestHold) -> list[str]:
    found = Seat.objects.filter(hold=held.hold, status="held").in_order()
    return [seat.label for seat in found]


def test_holds_the_middle_of_the_front_row(event: Event, fay: User) -> None:
    held = want(event, fay, 2)
    assert (labels(held), held.contiguous) == (["A-3", "A-4"], True)
    assert held.hold.total_minor == 2 * 4500


def test_sells_what_was_free_all_along_though_the_copy_is_old(
    event: Event, fay: User, now: datetime
) -> None:
    """The copy says the middle is free; somebody has just taken it."""
    occupancy.occupancy_of(event_id=event.pk, now=now)
    Seat.objects.filter(row="A").update(status="sold", changed_at=now)
    assert labels(want(event, fay, 2, now=now))[0].startswith("B-")


def test_keeps_to_the_category_asked_for(event: Event, fay: User) -> None:
    back = PriceCategory.objects.get(event=event, name="Back")
    assert labels(want(event, fay, 2, category_id=back.pk)) == ["B-3", "B-4"]
    with pytest.raises(UnknownSeat):
        want(event, fay, 1, category_id=fay.pk)


def test_wheelchair_places_are_for_who_asks_for_them(
    event: Event, fay: User, seats: list[Seat]
) -> None:
    Seat.objects.filter(pk__in=[seats[2].pk, seats[3].pk]).update(accessible=True)
    assert not {"A-3", "A-4"} & set(labels(want(event, fay, 2)))
    assert labels(want(event, fay, 2, accessible=True)) == ["A-3", "A-4"]
    with pytest.raises(NoSeatsLeft):
        want(event, make_fans(1)[0], 1, accessible=True)


def test_splits_when_nowhere_are_enough_together(event: Event, fay: User) -> None:
    Event.objects.update(limit_per_fan=12)
    held = want(event, fay, 8)
    assert (len(labels(held)), held.contiguous) == (8, False)
    with pytest.raises(NoSeatsLeft):
        want(event, make_fans(1)[0], 5)
    assert Hold.objects.count() == 1


def test_takes_over_what_an_expired_hold_had(event: Event, fay: User, now: datetime) -> None:
    Event.objects.update(limit_per_fan=12)
    (other,) = make_fans(1)
    want(event, other, 12, now=now)
    with pytest.raises(NoSeatsLeft):
        want(event, fay, 1, now=now + timedelta(seconds=300))
    assert want(event, fay, 12, now=now + timedelta(seconds=601)).hold.state == "active"


def test_asks_concessions_for_as_many_as_are_named(event: Event, fay: User) -> None:
    back = PriceCategory.objects.get(event=event, name="Back")
    child = PriceType.objects.create(category=back, name="Child", price_minor=1000)
    held = want(event, fay, 3, price_type_ids=[child.pk])
    assert all(label.startswith("B-") for label in labels(held))
    assert sorted(line.price_minor for line in held.hold.lines.all()) == [1000, 2500, 2500]
    front = PriceCategory.objects.get(event=event, name="Front")
    with pytest.raises(UnknownSeat):
        want(event, fay, 1, price_type_ids=[child.pk], category_id=front.pk)


def test_leaves_out_what_needs_a_code_and_asks_for_it(
    event: Event, fay: User, now: datetime
) -> None:
    front = PriceCategory.objects.get(event=event, name="Front")
    PriceCategory.objects.filter(pk=front.pk).update(code_required=True)
    window = {"valid_from": now - timedelta(hours=1), "valid_until": now + timedelta(hours=1)}
    PresaleCode.objects.create(event=event, code="FRONT", category=front, **window)
    assert labels(want(event, fay, 1, now=now))[0].startswith("B-")
    assert labels(want(event, fay, 1, now=now, code="front"))[0].startswith("A-")
    with pytest.raises(CodeRequired):
        want(event, fay, 1, now=now, category_id=front.pk)
    PriceCategory.objects.update(code_required=True)
    with pytest.raises(CodeRequired):
        want(event, fay, 1, now=now + timedelta(seconds=2))


def test_refuses_what_the_sale_refuses(event: Event, draft: Event, fay: User) -> None:
    with pytest.raises(LimitReached):
        want(event, fay, 5)
    with pytest.raises(UnknownSeat):
        want(draft, fay, 1)
    Event.objects.filter(pk=event.pk).update(state="paused")
    with pytest.raises(NotOnSale):
        want(event, fay, 1)
    assert not Hold.objects.exists()


def test_without_the_cache_it_goes_on(event: Event, fay: User, settings: Settings) -> None:
    nowhere = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}
    settings.CACHES = {"default": nowhere}
    assert len(labels(want(event, fay, 2))) == 2


def test_holds_once_for_a_key(event: Event, fay: User) -> None:
    keyed: Keyed[BestHold] = Keyed(
        RequestKey(fan_id=fay.pk, key="k", fingerprint="f" * 64),
        render=lambda best: Answer(201, {"hold": str(best.hold.pk)}),
    )
    held = want(event, fay, 2, keyed=keyed)
    again = partial(hold_best_available, event_id=event.pk, wish=Wish(2), fan_id=fay.pk)
    told = again(region="us-east-1", now=timezone.now(), keyed=keyed)
    assert told == Answer(201, {"hold": str(held.hold.pk)})
    assert Hold.objects.count() == 1


@pytest.mark.parametrize("regions", [["us-east-1"], ["us-east-1", "us-east-2"]])
def test_a_herd_gets_a_block_each_at_few_conflicts(acme: Organisation, regions: list[str]) -> None:
    """Forty at once want four each of 400 seats: each is served, next to each other."""
    event = make_event(acme, rows="ABCDEFGHJKLMNPQRSTUV", seats_a_row=20)
    # In the middle of a minute: with each one the counts of who is ahead begin anew.
    fans, now = make_fans(40), timezone.now().replace(second=30)

    def buy(at: int) -> tuple[BestHold, int]:
        with tally() as counted:
            region = regions[at % len(regions)]
            held = want(event, fans[at], 4, region=region, now=now)
        return held, counted.attempts

    answers = at_once([partial(buy, at) for at in range(len(fans))])
    held = [each[0] for each in answers if isinstance(each, tuple)]
    assert len(held) == len(fans), answers
    assert all(each.contiguous for each in held)
    attempts = sum(each[1] for each in answers if isinstance(each, tuple))
    # Each of the first lookers may also read the occupancy and the layout.
    assert attempts <= 1.3 * len(fans) + 4, attempts
    assert not broken_invariants(event_id=event.pk, now=now)


def test_the_last_seats_go_to_as_many_as_there_are(event: Event) -> None:
    """Twenty at once want two of twelve: six get them, the others are told, and none is lost."""
    fans, now = make_fans(20), timezone.now()
    answers = at_once([partial(want, event, fan, 2, now=now) for fan in fans])
    told = Counter(type(each).__name__ for each in answers)
    assert told == {"BestHold": 6, "NoSeatsLeft": 14}, answers
    assert not Seat.objects.filter(event=event, status="available").exists()
    assert not broken_invariants(event_id=event.pk, now=now)


def test_meets_those_who_name_their_seats(event: Event, seats: list[Seat]) -> None:
    fans, now = make_fans(12), timezone.now()

    def name(at: int) -> Any:
        wanted = [Wanted(seats[at].pk), Wanted(seats[at + 1].pk)]
        return hold_seats(
            event_id=event.pk, wanted=wanted, fan_id=fans[at].pk, region="us-east-1", now=now
        )

    calls = [partial(name, at) for at in range(6)]
    answers = at_once([*calls, *[partial(want, event, fan, 2, now=now) for fan in fans[6:]]])
    kinds = {type(each).__name__ for each in answers}
    assert kinds <= {"Hold", "BestHold", "SeatTaken", "NoSeatsLeft"}, answers
    assert not broken_invariants(event_id=event.pk, now=now)
