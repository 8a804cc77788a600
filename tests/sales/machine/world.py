"""The event that the machine sells, its people, and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.utils import timezone

from accounts.models import Role, User
from sales.cancelling import OrderNotPaid, cancel_order, refund_order
from sales.codes import CodeExhausted, CodeRequired
from sales.exchanges import TooDear, exchange
from sales.following_up import settle_payments
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
from sales.models import Event, Hold, Order, PresaleCode, PriceCategory, Seat, Ticket
from sales.orders import HoldBeingPaid, PaymentUnsettled, pay_for_hold
from sales.purchases import purchase
from sales.refunds import RefundTooLarge, complete_refunds
from sales.scanning import admit
from sales.seats import SeatTaken
from sales.settlement import Settled
from sales.ticket_codes import read_code
from sales.tickets import TicketUsed, TicketVoid, code_of, reissue
from tests.helpers.cast import make_event, make_fans, make_member, make_organisation

__all__ = ["ACTS", "KEYED", "REFUSALS", "Act", "World", "make_world"]

REFUSALS = (
    SeatTaken,
    LimitReached,
    CodeRequired,
    CodeExhausted,
    HoldExpired,
    HoldNotFound,
    TicketVoid,
    TicketUsed,
    HoldBeingPaid,
    PaymentUnsettled,
    OrderNotPaid,
    RefundTooLarge,
    TooDear,
)

# How far the second region's clock is ahead of the first's.
SKEW = timedelta(seconds=3)
# What the test provider does with a card.
CARDS = ("tok_ok", "tok_ok", "tok_ok", "tok_refused", "tok_late", "tok_capture_late", "tok_timeout")


@dataclass
class World:
    """An event on sale with twelve seats, three fans, a door. `now` is the first region's time."""

    event: Event
    seats: list[Seat]
    fans: list[User]
    staff: User
    now: datetime = field(default_factory=timezone.now)

    def clock(self, region: int) -> datetime:
        """Return the time in a region."""
        return self.now + region * SKEW

    @property
    def latest(self) -> datetime:
        """Return the time of the clock that is ahead."""
        return self.now + SKEW


def make_world() -> World:
    """Make an event: three tickets a fan, two of them in the front, and a code for two."""
    organisation = make_organisation(f"machine {uuid4().hex[:8]}")
    staff = make_member(f"door{uuid4().hex[:8]}", organisation, Role.BOX_OFFICE)
    event = make_event(
        organisation,
        limit_per_fan=3,
        fee_minor=100,
        fee_basis_points=150,
        fans_cancel_until=timezone.now() + timedelta(days=20),
    )
    PriceCategory.objects.filter(event=event, name="Front").update(limit_per_fan=2)
    PresaleCode.objects.create(
        event=event,
        code="FEW",
        cap=2,
        valid_from=event.on_sale_at,
        valid_until=event.off_sale_at,
    )
    seats = list(event.seats.in_order())
    return World(event, seats, make_fans(3), staff)


@dataclass(frozen=True)
class Act:
    """Something somebody does in a region; `one` and `two` choose what she does it to.

    `key` is the idempotency key of what has one.
    """

    name: str
    region: int
    fan: int
    one: int
    two: int
    key: str = field(default_factory=lambda: uuid4().hex)


def _request(world: World, act: Act) -> RequestKey:
    fan = world.fans[act.fan]
    return RequestKey(fan_id=fan.pk, key=act.key, fingerprint=act.name.ljust(64, "."))


def _as_answer(thing: Any) -> Answer:
    return Answer(201, {"id": str(thing.pk)})


def _buy(world: World, act: Act) -> Any:
    return purchase(
        event_id=world.event.pk,
        seat_id=world.seats[act.one].pk,
        fan_id=world.fans[act.fan].pk,
        region=f"region-{act.region}",
        now=world.clock(act.region),
        code="FEW" if act.two % 3 == 0 else "",
        keyed=Keyed(_request(world, act), render=_as_answer),
    )


def _hold(world: World, act: Act) -> Any:
    chosen = {world.seats[act.one].pk, world.seats[act.two].pk}
    return hold_seats(
        event_id=world.event.pk,
        wanted=[Wanted(seat) for seat in sorted(chosen)],
        fan_id=world.fans[act.fan].pk,
        region=f"region-{act.region}",
        now=world.clock(act.region),
        code="FEW" if act.two % 3 == 0 else "",
        keyed=Keyed(_request(world, act), render=_as_answer),
    )


def _some_hold(world: World, act: Act) -> Hold | None:
    holds = list(Hold.objects.filter(event=world.event).order_by("-created_at", "pk")[:4])
    return holds[act.one % len(holds)] if holds else None


def _some_ticket(world: World, act: Act) -> Ticket | None:
    tickets = list(Ticket.objects.filter(event=world.event).order_by("pk"))
    return tickets[act.one % len(tickets)] if tickets else None


def _extend(world: World, act: Act) -> Any:
    if held := _some_hold(world, act):
        extend_hold(hold_id=held.pk, fan_id=held.fan_id, now=world.clock(act.region))


def _release(world: World, act: Act) -> Any:
    if held := _some_hold(world, act):
        release_hold(hold_id=held.pk, fan_id=held.fan_id, now=world.clock(act.region))


def _tidy(world: World, act: Act) -> Any:
    tidy_holds(now=world.clock(act.region))


def _scan(world: World, act: Act) -> Any:
    if ticket := _some_ticket(world, act):
        admit(
            code=read_code(code_of(ticket)),
            user=world.staff,
            # One for each ticket: done twice, the act may meet another one, sold meanwhile.
            scan_id=uuid5(UUID(act.key), str(ticket.pk)),
            now=world.clock(act.region),
            gate=f"gate {act.region}",
            event_id=world.event.pk,
        )


def _reissue(world: World, act: Act) -> Any:
    if ticket := _some_ticket(world, act):
        owner = next(fan for fan in world.fans if fan.pk == ticket.fan_id)
        reissue(ticket_id=ticket.pk, user=owner, now=world.clock(act.region))


def _pay(world: World, act: Act) -> Any:
    """Pay for a hold of one's own: with a card that works, or one of those that do not."""
    if held := _some_hold(world, act):
        return pay_for_hold(
            hold_id=held.pk,
            user=_owner(world, held.fan_id),
            provider="test",
            token=CARDS[act.two % len(CARDS)],
            region=f"region-{act.region}",
            keyed=_paying(world, held.fan_id, act),
            clock=lambda: world.clock(act.region),
        )
    return None


def _paying(world: World, fan_id: UUID, act: Act) -> Keyed[Settled]:
    request = RequestKey(fan_id=fan_id, key=act.key, fingerprint="pay".ljust(64, "."))
    return Keyed(request, render=lambda settled: Answer(201, {"id": str(settled.order.pk)}))


def _owner(world: World, fan_id: UUID) -> User:
    return next(fan for fan in world.fans if fan.pk == fan_id)


def _some_order(world: World, act: Act) -> Order | None:
    orders = list(Order.objects.filter(event=world.event).order_by("created_at", "pk"))
    return orders[act.one % len(orders)] if orders else None


def _cancel(world: World, act: Act) -> Any:
    if order := _some_order(world, act):
        cancel_order(
            order_id=order.pk, user=_owner(world, order.fan_id), now=world.clock(act.region)
        )


def _refund(world: World, act: Act) -> Any:
    """Refund a ticket, an amount, or all of an order, at the box office."""
    if (ticket := _some_ticket(world, act)) is None:
        return None
    ways: list[dict[str, Any]] = [
        {"ticket_ids": [ticket.pk]},
        {"ticket_ids": [ticket.pk], "amount_minor": 100},
        {"amount_minor": 1000},
        {"release": False},
    ]
    request = RequestKey(fan_id=world.staff.pk, key=act.key, fingerprint="refund".ljust(64, "."))
    return refund_order(
        order_id=ticket.order_id,
        user=world.staff,
        now=world.clock(act.region),
        keyed=Keyed(request, render=lambda done: Answer(201, {"id": str(done.order.pk)})),
        **ways[act.two % len(ways)],
    )


def _exchange(world: World, act: Act) -> Any:
    if (ticket := _some_ticket(world, act)) is None:
        return None
    staff = act.two % 2 == 0
    user = world.staff if staff else _owner(world, ticket.fan_id)
    request = RequestKey(fan_id=user.pk, key=act.key, fingerprint="exchange".ljust(64, "."))
    return exchange(
        ticket_id=ticket.pk,
        seat_id=world.seats[act.two].pk,
        user=user,
        now=world.clock(act.region),
        keyed=Keyed(request, render=lambda done: Answer(201, {"id": str(done.ticket.pk)})),
        at_box_office=staff,
    )


def _settle(world: World, act: Act) -> Any:
    """Do what the beat does: go on with payments and refunds that were left behind."""
    settle_payments(clock=lambda: world.clock(act.region))
    complete_refunds(clock=lambda: world.clock(act.region))


ACTS: dict[str, Callable[[World, Act], Any]] = {
    "buy": _buy,
    "hold": _hold,
    "extend": _extend,
    "release": _release,
    "tidy": _tidy,
    "scan": _scan,
    "reissue": _reissue,
    "pay": _pay,
    "cancel": _cancel,
    "refund": _refund,
    "exchange": _exchange,
    "settle": _settle,
}
# What is asked for with an idempotency key.
KEYED = frozenset({"buy", "hold"})
