"""A seat that comes back is offered to the next on the waitlist."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import User
from sales.cancelling import cancel_order
from sales.events import EventNotFound
from sales.holds import Wanted, hold_seats, release_hold
from sales.limits import LimitReached
from sales.models import (
    EntryState,
    Event,
    Hold,
    PriceCategory,
    Seat,
    SeatStatus,
    WaitlistEntry,
)
from sales.offering import offer_returned_seats, offer_what_came_back
from sales.organising.operations import Operation
from sales.purchases import purchase
from sales.seats import SeatTaken
from sales.selling import KEPT_FOR_WAITLIST
from sales.waiting_room.draw import draw_of
from sales.waitlist import (
    WaitlistClosed,
    WaitlistRules,
    draw_shown,
    enlist,
    find_entry,
    find_waitlist,
    leave,
    set_waitlist,
    waitlist_counts,
)
from tests.helpers.bulk_jobs import do
from tests.helpers.cast import at_once, make_fans, make_user

pytestmark = pytest.mark.django_db(transaction=True)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def sold_out(event: Event, seats: list[Seat], now: datetime) -> Event:
    """The event: sold out, with a waitlist that nobody is on."""
    Seat.objects.update(status=SeatStatus.SOLD, changed_at=now - MINUTE)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=now)
    event.refresh_from_db()
    return event


def waiting(event: Event, now: datetime, number: int, quantity: int = 1) -> list[User]:
    """Let new fans wait, one after the other."""
    fans = make_fans(number)
    for at, fan in enumerate(fans):
        when = now + SECOND * at / 10
        enlist(event_id=event.pk, fan_id=fan.pk, quantity=quantity, now=when)
    return fans


def held(event: Event, seats: list[Seat], fan: User, now: datetime) -> Hold:
    """Let a fan hold seats of a sold-out event, as if nothing had been."""
    Seat.objects.filter(pk__in=[each.pk for each in seats]).update(status="available")
    wanted = [Wanted(each.pk) for each in seats]
    hold = hold_seats(event_id=event.pk, wanted=wanted, fan_id=fan.pk, region="x", now=now)
    assert isinstance(hold, Hold)
    return hold


def bring_back(event: Event, seats: list[Seat], now: datetime) -> None:
    """Have seats come back from a hold that is released."""
    fan = make_user()
    hold = held(event, seats, fan, now)
    release_hold(hold_id=hold.pk, fan_id=fan.pk, now=now)


def state(event: Event, fan: User, now: datetime) -> str:
    return str(find_entry(event_id=event.pk, fan_id=fan.pk, now=now).state)


def test_offers_the_next_in_line_what_comes_back(
    sold_out: Event, seats: list[Seat], now: datetime
) -> None:
    first, second = waiting(sold_out, now, 2)
    bring_back(sold_out, seats[:1], now + SECOND)
    assert offer_returned_seats(event_id=sold_out.pk, now=now + SECOND) == 1
    entry = find_entry(event_id=sold_out.pk, fan_id=first.pk, now=now + SECOND)
    assert entry.state == EntryState.OFFERED
    assert entry.hold
    assert [line.seat for line in entry.hold.lines.all()] == seats[:1]
    assert entry.hold.expires_at == now + SECOND + timedelta(hours=1)
    assert entry.hold.extendable_until == entry.hold.expires_at
    assert state(sold_out, second, now + SECOND) == EntryState.WAITING
    assert offer_returned_seats(event_id=sold_out.pk, now=now + SECOND) == 0


@pytest.mark.usefixtures("tasks_at_once")
def test_writes_to_her_what_is_kept_and_until_when(
    sold_out: Event, seats: list[Seat], now: datetime
) -> None:
    (fan,) = waiting(sold_out, now, 1)
    bring_back(sold_out, seats[:1], now + SECOND)
    offer_returned_seats(event_id=sold_out.pk, now=now + SECOND)
    told = [each for each in mail.outbox if each.to == [fan.email]]
    assert len(told) == 1
    assert "Floor, row A, seat 1" in told[0].body
    assert "Opening Night" in told[0].subject


def test_nobody_jumps_the_line_while_somebody_waits(
    sold_out: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    waiting(sold_out, now, 1)
    bring_back(sold_out, seats[:1], now + SECOND)
    with pytest.raises(SeatTaken):
        purchase(
            event_id=sold_out.pk,
            seat_id=seats[0].pk,
            fan_id=fay.pk,
            region="x",
            now=now + SECOND * 2,
        )


def test_a_seat_is_everybodys_after_a_moment_when_no_task_runs(
    sold_out: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    waiting(sold_out, now, 1)
    bring_back(sold_out, seats[:1], now)
    late = now + KEPT_FOR_WAITLIST
    assert purchase(event_id=sold_out.pk, seat_id=seats[0].pk, fan_id=fay.pk, region="x", now=late)


def test_a_seat_is_everybodys_at_once_when_nobody_waits(
    sold_out: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    bring_back(sold_out, seats[:1], now)
    assert offer_returned_seats(event_id=sold_out.pk, now=now + SECOND) == 0
    assert purchase(
        event_id=sold_out.pk, seat_id=seats[0].pk, fan_id=fay.pk, region="x", now=now + SECOND * 2
    )


def test_offers_the_seats_of_a_hold_that_ran_out_before_anybody_else_has_them(
    sold_out: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    (fan,) = waiting(sold_out, now, 1)
    hold = held(sold_out, seats[:1], fay, now)
    over = hold.expires_at + SECOND
    with pytest.raises(SeatTaken):
        purchase(event_id=sold_out.pk, seat_id=seats[0].pk, fan_id=fay.pk, region="x", now=over)
    assert offer_what_came_back(now=over) == 1
    assert state(sold_out, fan, over) == EntryState.OFFERED


def test_a_missed_offer_and_one_given_back_go_to_the_next(
    sold_out: Event, seats: list[Seat], now: datetime
) -> None:
    first, second, third = waiting(sold_out, now, 3)
    bring_back(sold_out, seats[:1], now + SECOND)
    offer_returned_seats(event_id=sold_out.pk, now=now + SECOND)
    hold = find_entry(event_id=sold_out.pk, fan_id=first.pk, now=now).hold
    assert hold
    late = hold.expires_at + SECOND
    assert state(sold_out, first, late) == EntryState.MISSED
    assert offer_what_came_back(now=late) == 1
    assert state(sold_out, second, late) == EntryState.OFFERED
    given_back = find_entry(event_id=sold_out.pk, fan_id=second.pk, now=late).hold
    assert given_back
    release_hold(hold_id=given_back.pk, fan_id=second.pk, now=late + SECOND)
    assert offer_what_came_back(now=late + 2 * SECOND) == 1
    assert state(sold_out, third, late + 2 * SECOND) == EntryState.OFFERED
    counts = waitlist_counts(event_id=sold_out.pk, now=late + 2 * SECOND)
    assert (counts.waiting, counts.offered, counts.missed) == (0, 1, 2)
    # She may wait again, behind all others.
    again = enlist(event_id=sold_out.pk, fan_id=first.pk, quantity=1, now=late + 3 * SECOND)
    assert (again.state, again.missed) == (EntryState.WAITING, 1)


def test_a_cancelled_order_comes_back_too(
    event: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    Event.objects.update(fans_cancel_until=event.starts_at)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=now)
    order = purchase(event_id=event.pk, seat_id=seats[0].pk, fan_id=fay.pk, region="x", now=now)
    Seat.objects.exclude(pk=seats[0].pk).update(status="sold", changed_at=now)
    (fan,) = waiting(event, now, 1)
    cancel_order(order_id=order.pk, user=fay, now=now + SECOND)  # type: ignore[union-attr] # no key
    seats[0].refresh_from_db()
    assert not seats[0].is_free(now + 2 * SECOND)
    assert offer_returned_seats(event_id=event.pk, now=now + 2 * SECOND) == 1
    assert state(event, fan, now + 2 * SECOND) == EntryState.OFFERED


def test_who_wants_more_than_came_back_keeps_her_place(
    sold_out: Event, seats: list[Seat], now: datetime
) -> None:
    (pair,) = waiting(sold_out, now, 1, quantity=2)
    (single,) = waiting(sold_out, now + SECOND, 1)
    bring_back(sold_out, seats[:1], now + 2 * SECOND)
    assert offer_returned_seats(event_id=sold_out.pk, now=now + 2 * SECOND) == 1
    assert state(sold_out, pair, now + 2 * SECOND) == EntryState.WAITING
    assert state(sold_out, single, now + 2 * SECOND) == EntryState.OFFERED
    bring_back(sold_out, [seats[2], seats[5], seats[4]], now + 3 * SECOND)
    offer_returned_seats(event_id=sold_out.pk, now=now + 3 * SECOND)
    hold = find_entry(event_id=sold_out.pk, fan_id=pair.pk, now=now).hold
    assert hold
    assert {line.seat.number for line in hold.lines.all()} == {"5", "6"}, "side by side"


def test_a_category_is_waited_for_alone(
    sold_out: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    back = PriceCategory.objects.get(event=sold_out, name="Back")
    enlist(event_id=sold_out.pk, fan_id=fay.pk, quantity=1, category_id=back.pk, now=now)
    bring_back(sold_out, seats[:1], now)
    assert offer_returned_seats(event_id=sold_out.pk, now=now) == 0
    bring_back(sold_out, seats[6:7], now)
    assert offer_returned_seats(event_id=sold_out.pk, now=now) == 1


def test_by_lot_the_draw_decides_and_can_be_checked(
    sold_out: Event, seats: list[Seat], now: datetime
) -> None:
    rules = WaitlistRules(is_on=True, order="lottery")
    set_waitlist(event_id=sold_out.pk, rules=rules, now=now)
    fans = waiting(sold_out, now, 6)
    waitlist = find_waitlist(event_id=sold_out.pk)
    assert waitlist
    entries = {each.fan_id: each for each in WaitlistEntry.objects.all()}
    drawn = sorted(fans, key=lambda fan: draw_of(seed=waitlist.seed, place_id=entries[fan.pk].pk))
    bring_back(sold_out, seats[:3], now + SECOND)
    assert offer_returned_seats(event_id=sold_out.pk, now=now + SECOND) == 3
    offered = WaitlistEntry.objects.filter(state=EntryState.OFFERED)
    assert {each.fan_id for each in offered} == {fan.pk for fan in drawn[:3]}


def test_the_seed_is_promised_before_and_shown_after(
    sold_out: Event, fay: User, now: datetime
) -> None:
    """Anybody can make the draw herself from what she is told in the end."""
    rules = WaitlistRules(is_on=True, order="lottery")
    set_waitlist(event_id=sold_out.pk, rules=rules, now=now)
    enlist(event_id=sold_out.pk, fan_id=fay.pk, quantity=1, now=now)
    entry = find_entry(event_id=sold_out.pk, fan_id=fay.pk, now=now)
    before = draw_shown(entry, now=sold_out.off_sale_at - SECOND)
    assert (before.by_lot, before.seed, before.value) == (True, None, None)
    after = draw_shown(entry, now=sold_out.off_sale_at)
    assert after.seed
    seed = bytes.fromhex(after.seed)
    assert hashlib.sha256(seed).hexdigest() == before.commitment == after.commitment
    digest = hmac.digest(seed, entry.pk.bytes, "sha256")
    assert after.value == (int.from_bytes(digest[:8]) >> 11) / 2**53
    assert after.value == WaitlistEntry.objects.get().draw, "what the order went by"


def test_a_released_block_is_offered_to_the_waitlist_first(
    event: Event, alice: User, fay: User, seats: list[Seat], now: datetime
) -> None:
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=now)
    do(event, alice, Operation(kind="block", reason="Camera"), seats[:2])
    Seat.objects.exclude(status="blocked").update(status="sold", changed_at=now)
    (fan,) = waiting(event, now + 2 * SECOND, 1)
    do(event, alice, Operation(kind="release"), seats[:2])
    when = timezone.now()
    with pytest.raises(SeatTaken):
        purchase(event_id=event.pk, seat_id=seats[0].pk, fan_id=fay.pk, region="x", now=when)
    assert offer_returned_seats(event_id=event.pk, now=when) == 1
    assert state(event, fan, when) == EntryState.OFFERED
    # The second one, which nobody waits for, is everybody's.
    assert purchase(event_id=event.pk, seat_id=seats[1].pk, fan_id=fay.pk, region="x", now=when)


def test_two_workers_offer_a_seat_once_and_nobody_loses_her_place(
    sold_out: Event, seats: list[Seat], now: datetime
) -> None:
    fans = waiting(sold_out, now, 4)
    bring_back(sold_out, seats[:2], now + SECOND)
    at_once(
        [lambda: offer_returned_seats(event_id=sold_out.pk, now=now + SECOND) for _ in range(4)]
    )
    states = [state(sold_out, fan, now + SECOND) for fan in fans]
    assert states == ["offered", "offered", "waiting", "waiting"]
    assert Hold.objects.filter(state="active").count() == 2
    assert Seat.objects.filter(hold__state="active").count() == 2


def test_a_fan_has_one_entry_and_no_more_seats_than_the_event_allows(
    sold_out: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    for quantity in (1, 2):
        enlist(event_id=sold_out.pk, fan_id=fay.pk, quantity=quantity, now=now)
    entry = WaitlistEntry.objects.get()
    assert (entry.quantity, entry.joined_at) == (2, now)
    with pytest.raises(LimitReached):
        enlist(event_id=sold_out.pk, fan_id=fay.pk, quantity=5, now=now)
    # She has got what she may have meanwhile: the next one is offered the seats.
    (other,) = waiting(sold_out, now + SECOND, 1)
    hold = held(sold_out, seats[:3], fay, now)
    assert hold
    bring_back(sold_out, seats[3:5], now + SECOND)
    offer_returned_seats(event_id=sold_out.pk, now=now + SECOND)
    assert state(sold_out, fay, now + SECOND) == EntryState.MISSED
    assert state(sold_out, other, now + SECOND) == EntryState.OFFERED


def test_cannot_be_joined_while_there_are_seats_nor_where_there_is_none(
    event: Event, draft: Event, fay: User, now: datetime
) -> None:
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=now)
    with pytest.raises(WaitlistClosed):
        enlist(event_id=event.pk, fan_id=fay.pk, quantity=2, now=now)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=False), now=now)
    Seat.objects.update(status="sold", changed_at=now)
    with pytest.raises(WaitlistClosed):
        enlist(event_id=event.pk, fan_id=fay.pk, quantity=2, now=now + 5 * SECOND)
    with pytest.raises(EventNotFound):
        enlist(event_id=draft.pk, fan_id=fay.pk, quantity=2, now=now)


def test_who_leaves_is_offered_nothing(sold_out: Event, seats: list[Seat], now: datetime) -> None:
    first, second = waiting(sold_out, now, 2)
    leave(event_id=sold_out.pk, fan_id=first.pk, now=now)
    bring_back(sold_out, seats[:1], now)
    offer_returned_seats(event_id=sold_out.pk, now=now)
    assert state(sold_out, first, now) == EntryState.LEFT
    assert state(sold_out, second, now) == EntryState.OFFERED
