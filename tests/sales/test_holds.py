"""Seats kept for a fan: all or none, for a time, at a price."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import pytest

from accounts.models import User
from sales.codes import CodeExhausted, CodeRequired
from sales.events import NotOnSale
from sales.holds import (
    HoldExpired,
    HoldNotFound,
    Wanted,
    extend_hold,
    hold_seats,
    release_hold,
    tidy_holds,
)
from sales.idempotency import Answer, Keyed, RequestKey
from sales.limits import LimitReached
from sales.models import (
    Allowance,
    Event,
    HeldSeat,
    Hold,
    HoldState,
    Order,
    PresaleCode,
    PriceCategory,
    PriceType,
    Seat,
    SeatStatus,
    StoredAnswer,
)
from sales.seats import SeatTaken, UnknownSeat
from tests.helpers.cast import at_once, make_fans
from tests.helpers.payments import SOON, assert_sound, hold
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)


def statuses(seats: list[Seat]) -> list[str]:
    found = Seat.objects.in_bulk([seat.pk for seat in seats])
    return [found[seat.pk].status for seat in seats]


@pytest.fixture
def code(event: Event, now: datetime) -> PresaleCode:
    """A code for two tickets, valid now."""
    return PresaleCode.objects.create(
        event=event,
        code="EARLY",
        cap=2,
        valid_from=now - timedelta(hours=1),
        valid_until=now + timedelta(hours=1),
    )


def test_holds_all_of_the_seats(seats: list[Seat], fay: User, now: datetime) -> None:
    held = hold(seats[:3], fay, now=now)
    assert statuses(seats[:4]) == ["held", "held", "held", "available"]
    assert held.expires_at == now + timedelta(seconds=600)
    assert held.extendable_until == now + timedelta(seconds=1800)
    assert (held.total_minor, held.fees_minor) == (3 * 4500, 0)
    assert set(Seat.objects.filter(hold=held).values_list("held_until", flat=True)) == {
        held.expires_at
    }
    assert_sound(held.event, now)


def test_holds_none_when_one_is_taken_and_names_all_that_are(seats: list[Seat], fay: User) -> None:
    first, second = make_fans(2)
    buy(seats[0], first)
    hold([seats[2]], second)
    with pytest.raises(SeatTaken) as refusal:
        hold(seats[:4], fay)
    assert [seat.pk for seat in refusal.value.seats] == [seats[0].pk, seats[2].pk]
    assert statuses(seats[:4]) == ["sold", "available", "held", "available"]
    assert not Hold.objects.filter(fan=fay).exists()
    assert not Allowance.objects.filter(fan=fay).exists()


def test_asks_for_fees_and_concessions_and_keeps_the_price(
    seats: list[Seat], event: Event, fay: User
) -> None:
    Event.objects.update(fee_minor=100, fee_basis_points=250)
    child = PriceType.objects.create(category=seats[0].category, name="Child", price_minor=2001)
    wanted = [Wanted(seats[0].pk), Wanted(seats[1].pk, child.pk)]
    held = hold(seats[:2], fay, wanted=wanted)
    PriceCategory.objects.update(price_minor=9900)
    lines = HeldSeat.objects.filter(hold=held).order_by("-price_minor")
    # 2.5 % of 4500 is 112.5, of 2001 is 50.025: halves go up.
    assert [(line.price_minor, line.fee_minor) for line in lines] == [(4500, 213), (2001, 150)]
    assert (held.total_minor, held.fees_minor) == (6864, 363)


def test_knows_no_foreign_seat_or_price(seats: list[Seat], draft: Event, fay: User) -> None:
    foreign = draft.seats.first()
    assert foreign
    of_back = PriceType.objects.create(category=seats[-1].category, name="Child", price_minor=1)
    for wanted in (
        [Wanted(seats[0].pk), Wanted(foreign.pk)],
        [Wanted(seats[0].pk, of_back.pk)],
        [Wanted(seats[0].pk, fay.pk)],
    ):
        with pytest.raises(UnknownSeat):
            hold([seats[0]], fay, wanted=wanted)
    with pytest.raises(UnknownSeat):
        hold([foreign], fay)


def test_sells_a_held_seat_to_nobody_until_it_expires(seat: Seat, fay: User, now: datetime) -> None:
    (other,) = make_fans(1)
    hold([seat], other, now=now)
    with pytest.raises(SeatTaken):
        buy(seat, fay, now=now + timedelta(seconds=599))
    assert isinstance(buy(seat, fay, now=now + SOON), Order)
    assert_sound(seat.event, now + SOON)


def test_gives_an_expired_hold_to_one_of_two_who_come_at_once(
    seats: list[Seat], now: datetime
) -> None:
    """One takes the pair over, the other one seat of it; nobody has swept."""
    first, second, third = make_fans(3)
    old = hold(seats[:2], first, now=now)
    answers = at_once(
        [
            partial(hold, seats[:2], second, now=now + SOON),
            partial(hold, [seats[1], seats[2]], third, now=now + SOON),
            partial(extend_hold, hold_id=old.pk, fan_id=first.pk, now=now + SOON),
        ]
    )
    told = sorted(type(each).__name__ for each in answers)
    assert told == ["Hold", "HoldExpired", "SeatTaken"], answers
    assert_sound(seats[0].event, now + SOON)


def test_extends_or_is_taken_over_but_not_both(seat: Seat, now: datetime) -> None:
    """The clocks of two regions differ: in one the hold lives, in the other it has expired."""
    for _ in range(5):
        owner, other = make_fans(2)
        held = hold([seat], owner, now=now)
        answers = at_once(
            [
                partial(extend_hold, hold_id=held.pk, fan_id=owner.pk, now=now),
                partial(hold, [seat], other, now=now + SOON),
            ]
        )
        kinds = [type(each).__name__ for each in answers]
        assert kinds in (["Hold", "Hold"], ["HoldExpired", "Hold"], ["Hold", "SeatTaken"]), answers
        assert_sound(seat.event, now + SOON)
        Hold.objects.update(state=HoldState.RELEASED)
        Seat.objects.update(status=SeatStatus.AVAILABLE, hold=None)


def test_lets_overlapping_holds_end_with_one_winner_a_seat(
    seats: list[Seat], now: datetime
) -> None:
    fans = make_fans(8)
    pairs = [[seats[at % 6], seats[(at + 1) % 6]] for at in range(8)]
    answers = at_once(
        [partial(hold, pair, fan, now=now) for pair, fan in zip(pairs, fans, strict=True)]
    )
    held = [each for each in answers if isinstance(each, Hold)]
    assert held
    assert {type(each).__name__ for each in answers} <= {"Hold", "SeatTaken"}, answers
    assert Seat.objects.filter(status="held").count() == 2 * len(held)
    assert_sound(seats[0].event, now)


def test_extends_up_to_a_bound(seat: Seat, fay: User, now: datetime) -> None:
    held = hold([seat], fay, now=now)
    later = now + timedelta(seconds=500)
    extended = extend_hold(hold_id=held.pk, fan_id=fay.pk, now=later)
    assert extended.expires_at == later + timedelta(seconds=600)
    for after in (1000, 1500, 1700):
        extended = extend_hold(hold_id=held.pk, fan_id=fay.pk, now=now + timedelta(seconds=after))
    assert extended.expires_at == held.extendable_until
    seat.refresh_from_db()
    assert seat.held_until == held.extendable_until
    with pytest.raises(HoldExpired):
        extend_hold(hold_id=held.pk, fan_id=fay.pk, now=now + timedelta(seconds=1800))


def test_gives_the_seats_back_once(seats: list[Seat], fay: User, now: datetime) -> None:
    Event.objects.update(limit_per_fan=2)
    held = hold(seats[:2], fay, now=now)
    at_once([partial(release_hold, hold_id=held.pk, fan_id=fay.pk, now=now) for _ in range(4)])
    assert statuses(seats[:2]) == ["available", "available"]
    assert Allowance.objects.get(fan=fay).used == 0
    assert hold(seats[:2], fay, now=now).state == HoldState.ACTIVE


def test_is_nobody_elses(seat: Seat, fay: User, bob: User, now: datetime) -> None:
    held = hold([seat], fay, now=now)
    for act in (extend_hold, release_hold):
        with pytest.raises(HoldNotFound):
            act(hold_id=held.pk, fan_id=bob.pk, now=now)
    assert statuses([seat]) == ["held"]


def test_counts_towards_the_limit_until_it_expires(
    seats: list[Seat], fay: User, now: datetime
) -> None:
    Event.objects.update(limit_per_fan=2)
    hold(seats[:2], fay, now=now)
    with pytest.raises(LimitReached):
        buy(seats[2], fay, now=now)
    hold(seats[2:4], fay, now=now + SOON)
    with pytest.raises(LimitReached):
        buy(seats[4], fay, now=now + SOON)
    assert_sound(seats[0].event, now + SOON)


def test_cannot_pass_the_limit_of_a_fan_or_a_category_at_once(
    seats: list[Seat], fay: User, now: datetime
) -> None:
    """Write skew: none of them sees the others' seats."""
    Event.objects.update(limit_per_fan=3)
    PriceCategory.objects.filter(name="Front").update(limit_per_fan=2)
    answers = at_once([partial(hold, [seat], fay, now=now) for seat in seats[:4]])
    assert sum(isinstance(each, Hold) for each in answers) == 2, answers
    answers = at_once([partial(hold, [seat], fay, now=now) for seat in seats[6:9]])
    assert sum(isinstance(each, Hold) for each in answers) == 1, answers
    assert_sound(seats[0].event, now)


def test_cannot_pass_a_codes_cap_at_once(
    seats: list[Seat], code: PresaleCode, now: datetime
) -> None:
    fans = make_fans(5)
    answers = at_once(
        [
            partial(hold, [seat], fan, code="early ", now=now)
            for seat, fan in zip(seats, fans, strict=False)
        ]
    )
    assert sum(isinstance(each, Hold) for each in answers) == 2, answers
    assert sum(isinstance(each, CodeExhausted) for each in answers) == 3, answers
    assert_sound(seats[0].event, now)
    # Both expire, and the code is good for two again.
    again = hold(seats[8:10], fans[0], code="EARLY", now=now + SOON)
    assert again.code == code
    assert_sound(seats[0].event, now + SOON)


def test_opens_a_presale_and_a_category_to_who_has_a_code(
    seats: list[Seat], fay: User, code: PresaleCode, now: datetime
) -> None:
    Event.objects.update(on_sale_at=now + timedelta(minutes=30))
    with pytest.raises(CodeRequired):
        hold([seats[0]], fay, now=now)
    PresaleCode.objects.update(category=seats[0].category)
    with pytest.raises(CodeRequired, match="not good for all"):
        hold([seats[-1]], fay, code="EARLY", now=now)
    assert hold([seats[0]], fay, code="EARLY", now=now).code == code
    Event.objects.update(on_sale_at=now - timedelta(minutes=30))
    PriceCategory.objects.filter(name="Front").update(code_required=True)
    with pytest.raises(CodeRequired):
        buy(seats[1], fay, now=now)
    assert buy(seats[1], fay, code="early", now=now).tickets.get().code == code  # type: ignore[union-attr]
    PresaleCode.objects.update(valid_until=now)
    with pytest.raises(CodeRequired, match="not valid at this time"):
        hold([seats[2]], fay, code="EARLY", now=now)


def test_has_no_presale_without_codes(seat: Seat, fay: User, now: datetime) -> None:
    Event.objects.update(on_sale_at=now + timedelta(minutes=30))
    with pytest.raises(NotOnSale):
        hold([seat], fay, now=now)


def test_is_tidied_without_hurry(seats: list[Seat], now: datetime) -> None:
    first, second, third = make_fans(3)
    hold(seats[:2], first, now=now)
    living = hold([seats[2]], second, now=now + timedelta(seconds=300))
    hold([seats[3]], third, now=now)
    Hold.objects.filter(fan=third).update(state=HoldState.EXPIRED)
    assert tidy_holds(now=now + SOON) == 2
    assert tidy_holds(now=now + SOON) == 0
    assert statuses(seats[:4]) == ["available", "available", "held", "available"]
    assert Allowance.objects.get(fan=first).used == 0
    assert Hold.objects.get(state=HoldState.ACTIVE) == living
    assert_sound(seats[0].event, now + SOON)


def test_holds_once_for_a_key(seat: Seat, fay: User, now: datetime) -> None:
    keyed: Keyed[Hold] = Keyed(
        RequestKey(fan_id=fay.pk, key="k", fingerprint="f" * 64),
        render=lambda held: Answer(201, {"hold": str(held.pk)}),
    )
    held = hold([seat], fay, keyed=keyed, now=now)
    again = hold_seats(
        event_id=seat.event_id,
        wanted=[Wanted(seat.pk)],
        fan_id=fay.pk,
        region="us-east-1",
        now=now,
        keyed=keyed,
    )
    assert again == Answer(201, {"hold": str(held.pk)})
    assert StoredAnswer.objects.count() == Hold.objects.count() == 1
