"""Holds: seats kept for one fan while she decides and pays.

**Naive, like the purchase**: a hold reads the seats and, if all of them are free, marks them
held. Two holds that share a seat write its row, and the first COMMIT wins; the other runs again
and sees which seats are taken. A hold that has expired needs nobody to end it: its seats count
as free (`Seat.is_free`), and whoever comes next writes over them.

Whatever a hold then does (extend, pay, release) writes its own row and its seats' rows, so it
conflicts with a buyer who takes a seat over at the same instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sales.codes import check_code, find_code, give_back_code, use_code
from sales.contention import counts_conflicts
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.limits import give_back_allowance, use_allowance
from sales.models import (
    Event,
    HeldSeat,
    Hold,
    HoldState,
    PresaleCode,
    PriceType,
    Seat,
    SeatStatus,
)
from sales.pricing import price_of, total_of
from sales.seats import SeatTaken, UnknownSeat
from sales.selling import Line, take_seats
from sales.waiting_room.tokens import check_pass
from worldseat.dsql.occ import occ_retry

__all__ = [
    "HoldExpired",
    "HoldNotFound",
    "Wanted",
    "end_hold",
    "extend_hold",
    "find_hold",
    "hold_seats",
    "kept_seats",
    "place_hold",
    "release_hold",
    "tidy_holds",
]

# Holds that one run of `tidy_holds` ends, of either kind; the next run goes on.
TIDIED_AT_ONCE = 500


class HoldNotFound(LookupError):
    """The fan has no such hold."""


class HoldExpired(Exception):
    """The hold has ended: its time is over, or it was released or sold."""

    def __init__(self, hold: Hold) -> None:
        ended = {HoldState.SOLD: "was sold", HoldState.RELEASED: "was released"}
        super().__init__(f"The hold {ended.get(HoldState(hold.state), 'has expired')}.")
        self.hold = hold


@dataclass(frozen=True)
class Wanted:
    """A seat to hold, at its full price or at that of a price type."""

    seat_id: UUID
    price_type_id: UUID | None = None


def _is_keyed(*, keyed: Keyed[Hold] | None = None, **_: object) -> bool:
    """Tell whether a hold may be placed again after a COMMIT that got no answer."""
    return keyed is not None


@counts_conflicts()
@occ_retry(repeatable=_is_keyed)
def hold_seats(
    *,
    event_id: UUID,
    wanted: Sequence[Wanted],
    fan_id: UUID,
    region: str,
    now: datetime,
    code: str = "",
    queue_pass: str = "",
    keyed: Keyed[Hold] | None = None,
) -> Hold | Answer:
    """Hold named seats, all or none, and return the hold with its `lines`.

    With `keyed`, the answer is kept in the same transaction; when the key was used before, the
    first answer comes back instead.

    Raises UnknownSeat, NotOnSale, QueuePassRequired, CodeRequired, CodeExhausted, SeatTaken (with
    every seat that is taken), LimitReached and KeyReused; nothing is written then.
    """
    if keyed and (answer := stored_answer(keyed.request, now=now)):
        return answer
    event, lines = _load(event_id, wanted)
    check_pass(event, fan_id=fan_id, text=queue_pass, now=now)
    hold = place_hold(event, lines, fan_id=fan_id, region=region, code_text=code, now=now)
    if keyed:
        store_answer(keyed.request, keyed.render(hold), now=now)
    return hold


def _load(event_id: UUID, wanted: Sequence[Wanted]) -> tuple[Event, list[Line]]:
    """Read the seats with their event and prices: one statement, two with price types."""
    ids = [each.seat_id for each in wanted]
    seats = Seat.objects.select_related("event", "category").filter(event_id=event_id)
    found = {seat.pk: seat for seat in seats.filter(pk__in=ids)}
    if len(found) != len(ids):
        raise UnknownSeat
    event = found[ids[0]].event
    if not event.is_public:
        raise UnknownSeat
    type_ids = {each.price_type_id for each in wanted if each.price_type_id}
    types = PriceType.objects.in_bulk(type_ids) if type_ids else {}
    return event, [_line(event, found[each.seat_id], each, types) for each in wanted]


def _line(event: Event, seat: Seat, wanted: Wanted, types: dict[UUID, PriceType]) -> Line:
    price_type = types.get(wanted.price_type_id) if wanted.price_type_id else None
    if wanted.price_type_id and (price_type is None or price_type.category_id != seat.category_id):
        raise UnknownSeat
    return Line(seat, price_of(event, seat.category, price_type), price_type)


def place_hold(
    event: Event,
    lines: Sequence[Line],
    *,
    fan_id: UUID,
    region: str,
    code_text: str,
    now: datetime,
    lasting: timedelta | None = None,
) -> Hold:
    """Write a hold of seats that were read in this transaction; see `hold_seats` for errors.

    `lasting`: instead of the event's time; such a hold is not extended.
    """
    seats = [line.seat for line in lines]
    code = find_code(event, code_text, now=now)
    check_code(event, seats, code, now=now)
    if taken := [seat for seat in seats if not seat.is_free(now)]:
        raise SeatTaken(taken)
    hold = _new_hold(event, lines, fan_id=fan_id, region=region, code=code, now=now)
    if lasting is not None:
        hold.expires_at = hold.extendable_until = now + lasting
    hold.save(force_insert=True)
    take_seats(seats, status=SeatStatus.HELD, now=now, hold_id=hold.pk, held_until=hold.expires_at)
    use_allowance(event, fan_id, seats, now=now)
    use_code(code, len(seats), now=now)
    _remember_lines(hold, HeldSeat.objects.bulk_create(_held_seats(hold, lines)))
    return hold


def _new_hold(
    event: Event,
    lines: Sequence[Line],
    *,
    fan_id: UUID,
    region: str,
    code: PresaleCode | None,
    now: datetime,
) -> Hold:
    total = total_of(line.price for line in lines)
    return Hold(
        event=event,
        fan_id=fan_id,
        code=code,
        total_minor=total.total_minor,
        fees_minor=total.fee_minor,
        currency=event.currency,
        region=region,
        created_at=now,
        expires_at=now + timedelta(seconds=event.hold_seconds),
        extendable_until=now + timedelta(seconds=event.hold_limit_seconds),
    )


def _held_seats(hold: Hold, lines: Sequence[Line]) -> list[HeldSeat]:
    return [
        HeldSeat(
            hold=hold,
            seat=line.seat,
            price_type=line.price_type,
            price_minor=line.price.price_minor,
            fee_minor=line.price.fee_minor,
        )
        for line in lines
    ]


def _remember_lines(hold: Hold, lines: Sequence[HeldSeat]) -> None:
    """Let `hold.lines.all()` answer with what was just written: see selling.remember_tickets."""
    known = hold.lines.all()
    known._result_cache = list(lines)
    hold._prefetched_objects_cache = {"lines": known}  # type: ignore[attr-defined] # private


def find_hold(*, hold_id: UUID, fan_id: UUID) -> Hold:
    """Return a fan's hold with its event, lines, seats and categories; raises HoldNotFound."""
    holds = Hold.objects.select_related("event", "code").prefetch_related(
        "lines__seat__category", "lines__price_type"
    )
    hold = holds.filter(pk=hold_id, fan_id=fan_id).first()
    if hold is None:
        raise HoldNotFound
    return hold


def kept_seats(hold: Hold) -> list[Seat]:
    """Return the seats that still are the hold's; raises HoldExpired if any was taken over.

    Its time is the caller's to look at: a seat that nobody has taken over is still the hold's.
    """
    seats = list(Seat.objects.filter(hold=hold, status=SeatStatus.HELD).select_related("category"))
    if len(seats) != len(hold.lines.all()):
        raise HoldExpired(hold)
    return seats


@occ_retry(repeatable=True)
def extend_hold(*, hold_id: UUID, fan_id: UUID, now: datetime) -> Hold:
    """Keep a hold for the event's time from now on, but never beyond its bound.

    Raises HoldNotFound, and HoldExpired when it has ended or a seat was taken over.
    """
    hold = _live_hold(hold_id, fan_id, now)
    seats = kept_seats(hold)
    until = min(now + timedelta(seconds=hold.event.hold_seconds), hold.extendable_until)
    hold.expires_at = max(until, hold.expires_at)
    hold.save(update_fields=["expires_at"])
    take_seats(seats, status=SeatStatus.HELD, now=now, hold_id=hold.pk, held_until=hold.expires_at)
    return hold


def _live_hold(hold_id: UUID, fan_id: UUID, now: datetime) -> Hold:
    hold = find_hold(hold_id=hold_id, fan_id=fan_id)
    if hold.state != HoldState.ACTIVE or hold.expires_at <= now:
        raise HoldExpired(hold)
    return hold


@occ_retry(repeatable=True)
def release_hold(*, hold_id: UUID, fan_id: UUID, now: datetime) -> None:
    """Give a hold's seats back to the sale; one that has ended already stays as it is.

    Raises HoldNotFound, and HoldExpired for one that is being paid or was sold.
    """
    hold = find_hold(hold_id=hold_id, fan_id=fan_id)
    if hold.state in {HoldState.PAYING, HoldState.SOLD}:
        raise HoldExpired(hold)
    if hold.state == HoldState.ACTIVE:
        end_hold(hold, HoldState.RELEASED, now)


def end_hold(hold: Hold, state: HoldState, now: datetime) -> None:
    """End a hold that still counts: free the seats that are its own, and give back the rest."""
    hold.state = state
    hold.save(update_fields=["state"])
    _free_seats(hold, now)
    lines = [line.seat for line in hold.lines.all()]
    give_back_allowance(hold.event, hold.fan_id, lines)
    give_back_code(hold.code, len(lines))


def _free_seats(hold: Hold, now: datetime) -> None:
    """Free the seats of a hold that nobody has taken over."""
    if seats := list(Seat.objects.filter(hold=hold, status=SeatStatus.HELD)):
        take_seats(seats, status=SeatStatus.AVAILABLE, now=now)


def tidy_holds(*, now: datetime) -> int:
    """End holds that have expired, a transaction each, and return how many were.

    Nothing depends on it: it spares readers the holds and held seats that count for nothing.
    """
    expired = Hold.objects.filter(state=HoldState.ACTIVE, expires_at__lte=now)
    ended = Hold.objects.filter(
        state=HoldState.EXPIRED, seats__status=SeatStatus.HELD, seats__held_until__lte=now
    )
    ids = {
        pk
        for holds in (expired, ended)
        for pk in holds.values_list("pk", flat=True)[:TIDIED_AT_ONCE]
    }
    return sum(_tidy_hold(hold_id=hold_id, now=now) for hold_id in ids)


@occ_retry(repeatable=True)
def _tidy_hold(*, hold_id: UUID, now: datetime) -> bool:
    hold = (
        Hold.objects.select_related("event", "code")
        .prefetch_related("lines__seat__category")
        .get(pk=hold_id)
    )
    if hold.expires_at > now:
        return False
    if hold.state == HoldState.ACTIVE:
        end_hold(hold, HoldState.EXPIRED, now)
    elif hold.state == HoldState.EXPIRED:
        # Ended when a limit was counted: the seats were left, and are no longer counted.
        _free_seats(hold, now)
    # One that is being paid ends with its payment: the money may be on its way.
    return hold.state == HoldState.EXPIRED
