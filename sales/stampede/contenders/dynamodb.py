"""DynamoDB global tables: read then put, and put on a condition, in both modes of consistency.

Nothing here says that DynamoDB cannot sell a seat once: with strong consistency and a condition
it does. What is shown is what each mode keeps and what it does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from sales.models import OrderState, Outcome, Seat, SeatStatus
from sales.stampede.buyers import Told, Wish, describe
from sales.stampede.contenders.base import Found, Run, Unavailable
from sales.stampede.contenders.dynamodb_tables import (
    client_in,
    items_of,
    make_table,
    table_name,
)
from sales.stampede.evidence import SeatSeen, TicketSeen
from sales.stampede.options import Options
from worldseat.dsql import occ

__all__ = ["MREC", "MREC_CONDITIONAL", "MRSC_CONDITIONAL", "DynamoDB"]

# What a buyer tries again for, as @occ_retry does for 40001.
_CONFLICTS = frozenset({"ConditionalCheckFailedException", "ReplicatedWriteConflictException"})
# How long the regions may take to agree, once nobody buys any more.
_QUIET_SECONDS = 30.0
_CONNECTIONS = 64


@dataclass(frozen=True)
class DynamoDB:
    """A way to sell on a global table: `strong` is MRSC, else MREC; `conditional` is how."""

    name: str
    title: str
    strong: bool
    conditional: bool
    sells_product: bool = False

    def require(self, options: Options) -> None:
        """Ask for addresses, or for AWS."""
        if not (options.aws or options.addresses):
            raise Unavailable(
                f"`manage.py stampede --contender {self.name}` starts a DynamoDB for it, or "
                f"--aws uses your account's."
            )

    def describe(self, options: Options) -> str:
        """Say whose DynamoDB it is, and how far its regions are apart."""
        mode = "MRSC, strongly consistent" if self.strong else "MREC, last writer wins"
        if options.aws:
            return f"DynamoDB global table, {mode}"
        return (
            f"DynamoDB global table, {mode}: a local stand-in (ministack), with our own "
            f"replication, {options.lag_ms} ms from region to region"
        )

    def prepare(self, run: Run) -> None:
        """Make the table, put the seats into it, and wait until every region has them."""
        regions = _regions_of(run)
        make_table(regions, run.options, strong=self.strong)
        client, table = self._client(run, regions[0]), table_name(strong=self.strong)
        seats = run.load_seats()
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(_put_seat, client, table, run, seat) for seat in seats]:
                done.result()
        self._wait_until_quiet(run, "seat", least=len(seats))

    @contextmanager
    def open(self, run: Run, region: str, fans: Sequence[UUID]) -> Iterator[_Table]:
        """Open a region's shop: one client, whose connections are kept."""
        client = self._client(run, region)
        yield _Table(client, run, table_name(strong=self.strong), conditional=self.conditional)
        client.close()

    def look(self, run: Run) -> Found:
        """Read seats and tickets, once the regions agree."""
        self._wait_until_quiet(run, "ticket")
        client = self._client(run, _regions_of(run)[0])
        name, partition = table_name(strong=self.strong), str(run.stampede_id)
        seats = [_see_seat(item) for item in items_of(client, name, partition, "seat")]
        tickets = [_see_ticket(i, run) for i in items_of(client, name, partition, "ticket")]
        return Found(seats, tickets)

    def drop(self, run: Run) -> None:
        """Delete the stampede's items; the table stays for the next one."""
        client, name = self._client(run, _regions_of(run)[0]), table_name(strong=self.strong)
        with ThreadPoolExecutor(8) as pool:
            for kind in ("seat", "ticket"):
                for item in items_of(client, name, str(run.stampede_id), kind):
                    key = {each: item[each] for each in ("stampede", "item")}
                    pool.submit(client.delete_item, TableName=name, Key=key)

    def _client(self, run: Run, region: str) -> Any:
        return client_in(region, run.options, connections=_CONNECTIONS)

    def _wait_until_quiet(self, run: Run, kind: str, *, least: int = 0) -> None:
        """Return when all regions have had the same items for a while: nothing is on its way."""
        clients = [self._client(run, region) for region in _regions_of(run)]
        name, partition = table_name(strong=self.strong), str(run.stampede_id)
        until, before = time.monotonic() + _QUIET_SECONDS, None
        while time.monotonic() < until:
            views = [list(items_of(client, name, partition, kind)) for client in clients]
            same = all(view == views[0] for view in views[1:])
            if same and len(views[0]) >= least and views[0] == before:
                return
            before = views[0] if same else None
            time.sleep(max(0.05, 2 * run.options.lag_ms / 1000))
        raise TimeoutError(f"The regions do not agree after {_QUIET_SECONDS:.0f} s.")


class _Table:
    """A region's shop."""

    chooses_seats = False

    def __init__(self, client: Any, run: Run, name: str, *, conditional: bool) -> None:
        self._client = client
        self._run = run
        self._name = name
        self._conditional = conditional

    def enter(self) -> None:
        """Open a connection, which the client keeps."""
        self._client.describe_table(TableName=self._name)

    def leave(self) -> None:
        """Do nothing: the connections are the client's."""

    def free_seats(self, now: datetime) -> Sequence[UUID]:
        """Read which seats are available, as this region sees them."""
        items = items_of(self._client, self._name, str(self._run.stampede_id), "seat")
        free = [item for item in items if _status(item) == SeatStatus.AVAILABLE]
        free.sort(key=lambda item: int(item["position"]["N"]))
        return [UUID(item["seat"]["S"]) for item in free]

    def buy(self, wish: Wish, now: datetime) -> Told:
        """Read the seat, and if it is available put it back sold; then put the ticket."""
        counted = occ.Tally()
        order_id = uuid4()

        def once() -> Outcome:
            counted.attempts += 1
            return self._buy_once(wish, order_id)

        def is_conflict(error: BaseException) -> bool:
            conflict = isinstance(error, ClientError) and _code(error) in _CONFLICTS
            counted.conflicts += conflict
            return conflict

        outcome, detail = Outcome.ERROR, ""
        try:
            outcome = _retrying(is_conflict)(once)
        except ClientError as error:
            detail = describe(error)
        except BotoCoreError as error:
            # The request may have been carried out.
            outcome, detail = Outcome.UNKNOWN, describe(error)
        except Exception as error:
            detail = describe(error)
        return Told(
            outcome=outcome,
            order_id=order_id if outcome == Outcome.CONFIRMED else None,
            detail=detail,
            attempts=counted.attempts,
            conflicts=counted.conflicts,
        )

    def _buy_once(self, wish: Wish, order_id: UUID) -> Outcome:
        key = {
            "stampede": {"S": str(self._run.stampede_id)},
            "item": {"S": f"seat#{wish.seat_id}"},
        }
        found = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        seat = found["Item"]
        if _status(seat) != SeatStatus.AVAILABLE:
            return Outcome.REJECTED
        sold = {"status": {"S": SeatStatus.SOLD.value}, "owner": {"S": str(wish.fan_id)}}
        self._client.put_item(TableName=self._name, Item={**seat, **sold}, **self._condition())
        ticket = {
            "stampede": key["stampede"],
            "item": {"S": f"ticket#{order_id}"},
            "seat": seat["seat"],
            "fan": {"S": str(wish.fan_id)},
            "order": {"S": str(order_id)},
            "price": seat["price"],
            "region": {"S": wish.region},
        }
        self._client.put_item(TableName=self._name, Item=ticket)
        return Outcome.CONFIRMED

    def _condition(self) -> dict[str, Any]:
        if not self._conditional:
            return {}
        return {
            "ConditionExpression": "#status = :available",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":available": {"S": SeatStatus.AVAILABLE.value}},
        }


def _retrying(is_conflict: Any) -> Retrying:
    """Return the policy of @occ_retry, for this store's conflicts."""
    return Retrying(
        retry=retry_if_exception(is_conflict),
        stop=stop_after_attempt(occ.ATTEMPTS) | stop_before_delay(occ.DEADLINE_SECONDS),
        wait=wait_random_exponential(occ.FIRST_WAIT_SECONDS, occ.LONGEST_WAIT_SECONDS),
        reraise=True,
    )


def _regions_of(run: Run) -> list[str]:
    return list(run.options.addresses) or list(settings.REGIONS)


def _put_seat(client: Any, table: str, run: Run, seat: Seat) -> None:
    client.put_item(
        TableName=table,
        Item={
            "stampede": {"S": str(run.stampede_id)},
            "item": {"S": f"seat#{seat.pk}"},
            "seat": {"S": str(seat.pk)},
            "position": {"N": str(seat.position)},
            "label": {"S": seat.label},
            "price": {"N": str(seat.category.price_minor)},
            "status": {"S": SeatStatus.AVAILABLE.value},
        },
    )


def _status(item: dict[str, Any]) -> str:
    return str(item["status"]["S"])


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _see_seat(item: dict[str, Any]) -> SeatSeen:
    price_minor = int(item["price"]["N"])
    return SeatSeen(UUID(item["seat"]["S"]), item["label"]["S"], _status(item), price_minor)


def _see_ticket(item: dict[str, Any], run: Run) -> TicketSeen:
    """Return a ticket; there are no orders and no ledger beside it that could differ."""
    price_minor, fan_id = int(item["price"]["N"]), UUID(item["fan"]["S"])
    return TicketSeen(
        seat_id=UUID(item["seat"]["S"]),
        fan_id=fan_id,
        order_id=UUID(item["order"]["S"]),
        order_fan_id=fan_id,
        order_state=OrderState.PAID,
        order_minor=price_minor,
        order_tickets_minor=price_minor,
        ledger_minor=price_minor,
        currencies=frozenset([run.currency]),
    )


MREC = DynamoDB("dynamodb-mrec", "DynamoDB MREC, read then put", strong=False, conditional=False)
MREC_CONDITIONAL = DynamoDB(
    "dynamodb-mrec-conditional", "DynamoDB MREC, conditional put", strong=False, conditional=True
)
MRSC_CONDITIONAL = DynamoDB(
    "dynamodb-mrsc-conditional", "DynamoDB MRSC, conditional put", strong=True, conditional=True
)
