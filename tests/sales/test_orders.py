"""A hold is ordered and paid: what each answer of the provider leads to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from sales.events import NotOnSale
from sales.holds import HoldExpired, HoldNotFound
from sales.models import (
    Allowance,
    Event,
    Hold,
    HoldState,
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    PaymentState,
    PriceCategory,
    Seat,
    SeatStatus,
    StoredAnswer,
    Ticket,
)
from sales.orders import (
    PAYMENT_ALLOWANCE,
    HoldBeingPaid,
    PaymentUnsettled,
    ProviderNotAllowed,
)
from sales.payments import Authorization, UnknownProvider
from sales.payments.scripted import TestProvider, remembered
from sales.settlement import Settled
from tests.helpers.payments import (
    assert_paid_once,
    assert_sound,
    captures,
    hold,
    keyed,
    pay,
    settle_later,
)
from tests.helpers.purchases import buy

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]


def states(order: Order | None = None) -> tuple[str, str, str]:
    """Return where the (only) order, its payment and its fan's hold stand."""
    payment = Payment.objects.select_related("order").latest("created_at")
    held = Hold.objects.filter(fan=payment.order.fan_id).latest("created_at")
    return payment.order.state, payment.state, held.state


def test_sells_what_was_held_at_the_price_of_the_hold(
    event: Event, seats: list[Seat], fay: User
) -> None:
    Event.objects.update(fee_minor=100)
    held = hold([seats[0], seats[6]], fay)
    PriceCategory.objects.update(price_minor=1)
    settled = pay(held, fay)
    assert isinstance(settled, Settled)
    order = assert_paid_once(fay)
    assert (order.total_minor, order.fees_minor) == (4500 + 2500 + 200, 200)
    assert [ticket.seat_id for ticket in settled.order.tickets.all()] == [
        seats[0].pk,
        seats[6].pk,
    ]
    assert LedgerEntry.objects.get().amount_minor == 7200
    assert Allowance.objects.get().used == 2
    assert states() == ("paid", "captured", "sold")
    assert_sound(event)


def test_takes_so_many_round_trips(
    event: Event, seats: list[Seat], fay: User, django_assert_num_queries: Any
) -> None:
    """However many seats: 7 statements to begin, 10 to sell, 2 to note that the money is here."""
    held = hold(seats[:4], fay)
    with django_assert_num_queries(7 + 10 + 2 + 3 * 2):  # each with its BEGIN and COMMIT
        pay(held, fay)


def test_asks_nobody_for_nothing(seats: list[Seat], fay: User) -> None:
    PriceCategory.objects.update(price_minor=0)
    pay(hold(seats[:1], fay), fay, token="tok_refused")
    assert states() == ("paid", "captured", "sold")
    assert not remembered(Payment.objects.get().pk)


def test_lets_another_card_try_after_a_refusal(event: Event, seats: list[Seat], fay: User) -> None:
    held = hold(seats[:1], fay)
    settled = pay(held, fay, token="tok_refused")
    assert isinstance(settled, Settled)
    assert (settled.order.state, settled.payment.reason) == ("failed", "The card has no money.")
    assert states() == ("failed", "refused", "active")
    assert not Ticket.objects.exists()
    assert_sound(event)
    pay(held, fay, keyed=keyed(fay, key="pay-2"))
    assert states() == ("paid", "captured", "sold")
    assert Order.objects.filter(fan=fay).count() == 2
    assert_sound(event)


def test_keeps_the_seats_for_the_payment_but_no_longer_than_the_bound_after_a_refusal(
    event: Event, seats: list[Seat], fay: User, settings: Any
) -> None:
    Event.objects.update(hold_seconds=5, hold_limit_seconds=10)
    held = hold(seats[:1], fay)
    with pytest.raises(PaymentUnsettled):
        pay(held, fay, token="tok_timeout")
    seen = Seat.objects.get(pk=seats[0].pk).held_until
    assert seen
    assert seen >= held.created_at + PAYMENT_ALLOWANCE
    Payment.objects.update(state=PaymentState.CREATED)
    settled = pay(held, fay, token="tok_refused", keyed=keyed(fay))
    assert isinstance(settled, Settled)
    seat = Seat.objects.get(pk=seats[0].pk)
    assert seat.held_until == Hold.objects.get().expires_at == held.extendable_until


def test_goes_on_when_the_request_was_lost_on_its_way(
    event: Event, seats: list[Seat], fay: User
) -> None:
    held = hold(seats[:1], fay)
    with pytest.raises(PaymentUnsettled):
        pay(held, fay, token="tok_timeout_then_ok")
    assert states() == ("pending", "unknown", "paying")
    assert StoredAnswer.objects.get(key="pay-1").status is None
    assert_sound(event)
    pay(held, fay, token="tok_timeout_then_ok")
    assert_paid_once(fay)
    assert_sound(event)


def test_finds_out_that_a_late_answer_was_yes(event: Event, seats: list[Seat], fay: User) -> None:
    with pytest.raises(PaymentUnsettled):
        pay(hold(seats[:1], fay), fay, token="tok_late")
    assert states() == ("pending", "unknown", "paying")
    # The task comes after the hold's time, and nobody wanted the seat meanwhile.
    assert settle_later() == 1
    assert_paid_once(fay)
    assert_sound(event)


def test_leaves_a_request_alone_that_may_still_be_paying(seats: list[Seat], fay: User) -> None:
    with pytest.raises(PaymentUnsettled):
        pay(hold(seats[:1], fay), fay, token="tok_late")
    assert settle_later(timedelta(seconds=10)) == 0
    assert settle_later(timedelta(seconds=40)) == 1
    assert_paid_once(fay)


def test_gives_up_in_the_time_of_the_hold(event: Event, seats: list[Seat], fay: User) -> None:
    held = hold(seats[:1], fay)
    with pytest.raises(PaymentUnsettled):
        pay(held, fay, token="tok_timeout")
    settle_later(timedelta(seconds=60))
    assert states() == ("pending", "unknown", "paying")
    settle_later()
    assert states() == ("failed", "voided", "expired")
    assert Seat.objects.get(pk=seats[0].pk).status == SeatStatus.AVAILABLE
    assert Allowance.objects.get().used == 0
    # What arrives after all is refused by the provider, and by us.
    again = pay(held, fay, token="tok_ok")
    assert not isinstance(again, Settled)
    assert again.status == 402
    assert not Ticket.objects.exists()
    assert_sound(event)
    assert settle_later(2 * timedelta(hours=1)) == 0


def lose(held: Hold, to: User) -> None:
    """Let another fan buy what was held, whose time is over."""
    over = timezone.now() - timedelta(seconds=1)
    Hold.objects.filter(pk=held.pk).update(expires_at=over)
    Seat.objects.filter(hold=held).update(held_until=over)
    for line in held.lines.all():
        buy(line.seat, to)


def test_gives_money_back_that_comes_after_the_hold_was_lost(
    event: Event, seats: list[Seat], fay: User, charlie: User
) -> None:
    held = hold(seats[:1], fay)
    with pytest.raises(PaymentUnsettled):
        pay(held, fay, token="tok_late")
    lose(held, charlie)
    settle_later()
    assert states() == ("failed", "voided", "expired")
    assert Ticket.objects.get().fan == charlie
    memory = remembered(Payment.objects.get().pk)
    assert memory["state"] == "voided"
    assert "captures" not in memory
    assert_sound(event)


class SoldMeanwhile(TestProvider):
    """Says yes, slowly: others are faster."""

    meanwhile: Any = None

    def authorize(self, **asked: Any) -> Authorization:
        """Let something happen first."""
        type(self).meanwhile()
        return super().authorize(**asked)


@pytest.fixture
def slow_provider(settings: Any) -> type[SoldMeanwhile]:
    settings.PAYMENT_PROVIDERS = {"slow": f"{__name__}.SoldMeanwhile"}
    return SoldMeanwhile


def test_never_sells_a_seat_that_was_sold_while_it_was_paid(
    event: Event, seats: list[Seat], fay: User, charlie: User, slow_provider: Any
) -> None:
    """One of two seats is gone: none is sold, and the money is not taken."""
    held = hold(seats[:2], fay)

    def steal() -> None:
        Hold.objects.filter(pk=held.pk).update(expires_at=timezone.now())
        Seat.objects.filter(hold=held).update(held_until=timezone.now())
        buy(seats[1], charlie)

    slow_provider.meanwhile = steal
    settled = pay(held, fay, provider="slow")
    assert isinstance(settled, Settled)
    assert (settled.order.state, settled.payment.reason) == ("failed", "The hold was lost.")
    assert states() == ("failed", "voided", "expired")
    assert Seat.objects.get(pk=seats[0].pk).status == SeatStatus.AVAILABLE
    assert Ticket.objects.get().fan == charlie
    assert_sound(event)


def test_sells_past_the_time_of_the_hold_if_nobody_came(
    event: Event, seats: list[Seat], fay: User, slow_provider: Any
) -> None:
    held = hold(seats[:1], fay)

    def dawdle() -> None:
        Hold.objects.filter(pk=held.pk).update(expires_at=timezone.now())
        Seat.objects.filter(hold=held).update(held_until=timezone.now())

    slow_provider.meanwhile = dawdle
    pay(held, fay, provider="slow")
    assert_paid_once(fay)
    assert_sound(event)


def test_captures_later_what_it_could_not_at_once(seats: list[Seat], fay: User) -> None:
    settled = pay(hold(seats[:1], fay), fay, token="tok_capture_late")
    assert isinstance(settled, Settled)
    assert settled.order.state == OrderState.PAID
    payment = Payment.objects.get()
    assert (payment.state, payment.reason) == ("authorized", "No answer yet.")
    settle_later()
    payment.refresh_from_db()
    assert (payment.state, payment.reason, captures(payment)) == ("captured", "", 1)


def test_keeps_none_waiting_for_one_that_cannot_be_settled(
    seats: list[Seat], fay: User, charlie: User
) -> None:
    for seat, fan in zip(seats[:2], (fay, charlie), strict=True):
        with pytest.raises(PaymentUnsettled):
            pay(hold([seat], fan), fan, token="tok_late")
    first = Payment.objects.earliest("created_at")
    Payment.objects.filter(pk=first.pk).update(provider="gone")
    assert settle_later() == 2
    assert Order.objects.get(fan=charlie).state == "paid"
    assert Order.objects.get(fan=fay).state == "pending"


def test_takes_cash_from_the_box_office_alone(
    event: Event, seats: list[Seat], fay: User, bob: User, charlie: User
) -> None:
    for nobody, seat in ((fay, seats[0]), (charlie, seats[1])):
        with pytest.raises(ProviderNotAllowed):
            pay(hold([seat], nobody), nobody, provider="box_office", token="")
    assert not Order.objects.exists()
    settled = pay(hold([seats[2]], bob), bob, provider="box_office", token="")
    assert isinstance(settled, Settled)
    assert (settled.order.state, settled.payment.state) == ("paid", "captured")
    assert_sound(event)


def test_knows_no_other_way_to_pay(seats: list[Seat], fay: User) -> None:
    with pytest.raises(UnknownProvider, match="box_office, test"):
        pay(hold(seats[:1], fay), fay, provider="magic")


def test_pays_for_ones_own_hold_only(seats: list[Seat], fay: User, charlie: User) -> None:
    held = hold(seats[:1], fay)
    with pytest.raises(HoldNotFound):
        pay(held, charlie)
    with pytest.raises(HoldNotFound):
        pay(Hold(pk=uuid4()), fay)
    assert not Order.objects.exists()


@pytest.mark.parametrize("state", [HoldState.SOLD, HoldState.RELEASED, HoldState.EXPIRED])
def test_pays_for_no_hold_that_has_ended(seats: list[Seat], fay: User, state: str) -> None:
    held = hold(seats[:1], fay)
    Hold.objects.update(state=state)
    with pytest.raises(HoldExpired):
        pay(held, fay)
    assert not Order.objects.exists()


def test_pays_for_no_hold_whose_time_is_over(seats: list[Seat], fay: User) -> None:
    held = hold(seats[:1], fay)
    with pytest.raises(HoldExpired):
        pay(held, fay, clock=lambda: held.expires_at)


def test_pays_for_a_hold_once_at_a_time(seats: list[Seat], fay: User) -> None:
    held = hold(seats[:1], fay)
    with pytest.raises(PaymentUnsettled):
        pay(held, fay, token="tok_timeout")
    with pytest.raises(HoldBeingPaid):
        pay(held, fay, keyed=keyed(fay, key="other"))
    assert Order.objects.count() == 1


@pytest.mark.parametrize(("state", "sells"), [("paused", True), ("closed", False)])
def test_keeps_a_holds_promise_while_the_sale_is_paused(
    event: Event, seats: list[Seat], fay: User, state: str, *, sells: bool
) -> None:
    held = hold(seats[:1], fay)
    Event.objects.update(state=state)
    if sells:
        pay(held, fay)
        assert_paid_once(fay)
    else:
        with pytest.raises(NotOnSale):
            pay(held, fay)
        assert not Order.objects.exists()
