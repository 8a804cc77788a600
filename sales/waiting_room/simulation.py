"""A waiting room with many fans, on a clock of its own: does it do what it promises?

Fans join and poll through the domain's functions, from every region; half before the sale, half
after. Some leave before it is their turn; one has a hundred tabs. Who is let in takes a seat, at
once. Time is simulated, so that the minutes of a sale take as long as their work does; the
database and the caches are real.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt
from uuid import UUID

from sales.waiting_room.desk import Desk
from sales.waiting_room.draw import draw_of, place_id
from sales.waiting_room.queue import join, look
from sales.waiting_room.standing import QueueState

__all__ = ["Crowd", "Findings", "Plan", "judge", "simulate"]

JOINING_SECONDS = 120.0
LATE_SECONDS = 60.0
TABS = 100
# How long a fan may still be told to wait after one behind her was let in: what the copies of
# two regions may be old, and a poll takes.
TOLERANCE_SECONDS = 15.0
_OVER = {QueueState.SOLD_OUT, QueueState.ENDED}


@dataclass(frozen=True)
class Plan:
    """What to simulate: `rate_per_minute` fans let in, `leaving` the share who go away."""

    event_id: UUID
    start: datetime
    joiners: int
    seats: int
    rate_per_minute: int
    leaving: float = 0.2
    seed: int = 1
    room_seed: str = ""


@dataclass
class Fan:
    """One fan, and what came of it; times are seconds since the sale's start."""

    fan_id: UUID
    joined_at: float
    desk: Desk
    leaves: bool
    tickets: list[str] = field(default_factory=list)
    admitted_at: float | None = None
    told_sold_out: bool = False
    place: float = -1.0
    estimate: tuple[float, float] | None = None  # when it was told, and of how long


@dataclass
class Crowd:
    """The seats that are left, and the fans."""

    available: int
    fans: list[Fan] = field(default_factory=list)
    polls: int = 0
    # After how many seconds, and up to which place, somebody has been let in; ascending.
    fronts: list[tuple[float, float]] = field(default_factory=list)
    overtaken: float = 0.0

    def count_seats(self, event_id: UUID, now: datetime) -> dict[str, int]:
        """Count the seats as `reading.seats_of` does."""
        return {"available": self.available, "held": 0}


def simulate(
    plan: Plan,
    crowd: Crowd,
    desks: Sequence[Desk],
    *,
    at: Sequence[tuple[float, Callable[[], None]]] = (),
    progress: Callable[[str], None] = lambda line: None,
) -> None:
    """Let the crowd join, wait and be let in, until everybody knows.

    at: what happens besides, and after how many seconds of the sale.
    """
    chance = random.Random(plan.seed)  # noqa: S311 # to be repeated
    crowd.fans = _fans(plan, desks, chance)
    happenings = sorted(at, key=lambda each: each[0])
    # What comes next: a time, a number that breaks ties, and whose turn it is.
    agenda = [(fan.joined_at, number) for number, fan in enumerate(crowd.fans)]
    heapq.heapify(agenda)
    told, most = 0.0, LATE_SECONDS + 600 + 3 * 60 * plan.joiners / plan.rate_per_minute
    while agenda:
        second, number = heapq.heappop(agenda)
        if second > most:
            return
        while happenings and happenings[0][0] <= second:
            happenings.pop(0)[1]()
        fan = crowd.fans[number]
        again = _visit(plan, crowd, fan, desks, second)
        if again is not None and not (fan.leaves and second > 0):
            heapq.heappush(agenda, (second + again, number))
        if second >= told + 30:
            told = second
            let_in = sum(each.admitted_at is not None for each in crowd.fans)
            progress(f"{second:5.0f} s: {let_in} let in, {crowd.polls} polls")


def _fans(plan: Plan, desks: Sequence[Desk], chance: random.Random) -> list[Fan]:
    """Make the fans: as many before the sale as after, most of these right after it."""
    early = plan.joiners // 2
    times = sorted(chance.uniform(-JOINING_SECONDS, -1) for _ in range(early))
    late = (chance.expovariate(4 / LATE_SECONDS) for _ in range(plan.joiners - early))
    times += sorted(min(each, LATE_SECONDS) for each in late)
    return [
        Fan(
            fan_id=UUID(int=chance.getrandbits(128), version=4),
            joined_at=at,
            desk=chance.choice(desks),
            leaves=number != 0 and chance.random() < plan.leaving,
        )
        for number, at in enumerate(times)
    ]


def _visit(
    plan: Plan, crowd: Crowd, fan: Fan, desks: Sequence[Desk], second: float
) -> float | None:
    """Let a fan join or look; return after how many seconds she does again, None for never."""
    now = plan.start + timedelta(seconds=second)
    if not fan.tickets:
        tabs = TABS if fan is crowd.fans[0] else 1
        for number in range(tabs):
            desk = fan.desk if tabs == 1 else desks[number % len(desks)]
            view = join(event_id=plan.event_id, fan_id=fan.fan_id, now=now, desk=desk)
            fan.tickets.append(view.ticket)
        return view.retry_after
    crowd.polls += 1
    ticket = fan.tickets[crowd.polls % len(fan.tickets)]
    view = look(event_id=plan.event_id, ticket=ticket, now=now, desk=fan.desk)
    if view.state == QueueState.ADMITTED:
        _let_in(crowd, fan, view.draw, second)
        return None
    if view.state in _OVER:
        fan.told_sold_out = True
        return None
    if view.ahead is not None:
        fan.place = _place(fan, view.draw)
        if fan.estimate is None and view.seconds is not None:
            fan.estimate = (second, view.seconds)
        _note_overtaken(crowd, fan, second)
    return view.retry_after


def _place(fan: Fan, draw: float | None) -> float:
    return 1 + fan.joined_at if draw is None else draw


def _let_in(crowd: Crowd, fan: Fan, draw: float | None, second: float) -> None:
    fan.admitted_at, fan.place = second, _place(fan, draw)
    crowd.available = max(crowd.available - 1, 0)
    if not crowd.fronts or fan.place > crowd.fronts[-1][1]:
        crowd.fronts.append((second, fan.place))


def _note_overtaken(crowd: Crowd, fan: Fan, second: float) -> None:
    """Note for how long somebody behind this fan has been in already."""
    for when, place in reversed(crowd.fronts):
        if place <= fan.place:
            break
        crowd.overtaken = max(crowd.overtaken, second - when)


@dataclass(frozen=True)
class Findings:
    """What a simulation showed; `wrong` says in words what it should not have."""

    joined: int
    admitted: int
    sold_out: int
    left: int
    polls: int
    most_in_a_minute: int
    mean_a_minute: float
    draw_distance: float
    draw_limit: float
    order_correlation: float
    correlation_limit: float
    late_inversions: int
    overtaken_seconds: float
    estimate_ratio: float | None
    wrong: list[str]


def judge(plan: Plan, crowd: Crowd) -> Findings:
    """Check the order, the rate, and that everybody was let in or told."""
    early = [fan for fan in crowd.fans if fan.joined_at < 0]
    drawn = [
        draw_of(seed=plan.room_seed, place_id=place_id(event_id=plan.event_id, fan_id=fan.fan_id))
        for fan in early
    ]
    distance, limit = _kolmogorov(drawn)
    let_in = sorted(
        (fan for fan in crowd.fans if fan.admitted_at is not None), key=lambda fan: fan.place
    )
    correlation, most = _spearman([each for each in early if each.admitted_at is not None])
    late = [fan for fan in let_in if fan.joined_at >= 0]
    inversions = sum(b.joined_at < a.joined_at for a, b in pairwise(late))
    minutes = _by_minute(let_in)
    lost = [
        fan
        for fan in crowd.fans
        if fan.admitted_at is None and not fan.told_sold_out and not fan.leaves
    ]
    ratio = _estimate_ratio(crowd.fans)
    wrong = [
        text
        for is_so, text in (
            (distance > limit, "The draw is not uniform."),
            (abs(correlation) > most, "When one joined before the sale made a difference."),
            (inversions > 0, "Somebody who came later after the start had a better place."),
            (crowd.overtaken > TOLERANCE_SECONDS, "Somebody was let in long before her turn."),
            (bool(lost), f"{len(lost)} fans were neither let in nor told that it is sold out."),
            (
                max(minutes, default=0) > plan.rate_per_minute * 1.15 + 10,
                "More were let in in a minute than the rate allows.",
            ),
            (len(let_in) > plan.seats * 1.05 + 10, "More were let in than there were seats."),
        )
        if is_so
    ]
    return Findings(
        joined=len(crowd.fans),
        admitted=len(let_in),
        sold_out=sum(fan.told_sold_out for fan in crowd.fans),
        left=sum(fan.leaves and fan.admitted_at is None for fan in crowd.fans),
        polls=crowd.polls,
        most_in_a_minute=max(minutes, default=0),
        mean_a_minute=sum(minutes) / len(minutes) if minutes else 0.0,
        draw_distance=distance,
        draw_limit=limit,
        order_correlation=correlation,
        correlation_limit=most,
        late_inversions=inversions,
        overtaken_seconds=crowd.overtaken,
        estimate_ratio=ratio,
        wrong=wrong,
    )


def _kolmogorov(values: Sequence[float]) -> tuple[float, float]:
    """Return how far values are from uniform, and how far chance takes them at 1 in 1,000."""
    ordered, n = sorted(values), max(len(values), 1)
    distance = max(
        (max((at + 1) / n - value, value - at / n) for at, value in enumerate(ordered)), default=0
    )
    return distance, 1.95 / sqrt(n)


def _spearman(fans: Sequence[Fan]) -> tuple[float, float]:
    """Return how the order of coming goes with that of being let in, and what chance does."""
    n = len(fans)
    if n < 10:
        return 0.0, 1.0
    rank = {fan.fan_id: at for at, fan in enumerate(sorted(fans, key=lambda each: each.place))}
    apart = sum((at - rank[fan.fan_id]) ** 2 for at, fan in enumerate(fans))
    return 1 - 6 * apart / (n * (n * n - 1)), 3.3 / sqrt(n - 1)


def _by_minute(let_in: Sequence[Fan]) -> list[int]:
    """Count who was let in in each minute of the sale."""
    counts: dict[int, int] = {}
    for fan in let_in:
        minute = int((fan.admitted_at or 0) // 60)
        counts[minute] = counts.get(minute, 0) + 1
    return [counts.get(minute, 0) for minute in range(max(counts, default=-1) + 1)]


def _estimate_ratio(fans: Sequence[Fan]) -> float | None:
    """Return the median of how long fans waited to how long they were told at first."""
    ratios = sorted(
        (fan.admitted_at - fan.estimate[0]) / fan.estimate[1]
        for fan in fans
        if fan.estimate and fan.admitted_at is not None and fan.estimate[1] >= 60
    )
    return ratios[len(ratios) // 2] if ratios else None
