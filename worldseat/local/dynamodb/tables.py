"""Tables in several regions: ministack answers the requests, the replication is ours.

ministack keeps each region's tables apart and answers one request at a time, so a conditional
write is atomic within a region. moto would not do: its server answers on threads, and let 3 of 10
races of 40 conditional writes succeed twice (measured, moto 5.2).

A table becomes global with UpdateTable, as on AWS, in one of two modes:

EVENTUAL (MREC)  a write is answered by its region alone, conditions included, and copied to the
                 others `lag` seconds later; of two versions of an item the later written stays.
STRONG (MRSC)    the regions share one state. A write is answered `lag` seconds after it was made;
                 a write to the same item from another region meanwhile is refused with
                 ReplicatedWriteConflictException.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import request_scope
from ministack.services.dynamodb import handle_request

Answer = tuple[int, dict[str, Any]]
Key = str

_ACCOUNT = "000000000000"
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
# They write too, and would not be replicated.
_REFUSED = frozenset(
    {
        "BatchWriteItem",
        "TransactWriteItems",
        "ExecuteStatement",
        "BatchExecuteStatement",
        "ExecuteTransaction",
    }
)
_PREFIX = "DynamoDB_20120810."


@dataclass
class _Global:
    """A global table: where it was made, its mode, its key, and who writes what just now."""

    home: str
    strong: bool
    key_names: Sequence[str]
    # Which version of an item a region has: when and where it was written.
    versions: dict[tuple[str, Key], tuple[int, str]] = field(default_factory=dict)
    locks: dict[Key, asyncio.Lock] = field(default_factory=dict)
    writing: dict[Key, str] = field(default_factory=dict)


class Tables:
    """The tables of all regions, and what one tells another."""

    def __init__(self, regions: Sequence[str], lag: float) -> None:
        self._regions = list(regions)
        self._lag = lag
        self._global: dict[str, _Global] = {}
        self._copying: set[asyncio.Task[None]] = set()

    async def answer(self, region: str, action: str, asked: dict[str, Any]) -> Answer:
        """Answer a request of a region; returns the HTTP status and the body."""
        name = str(asked.get("TableName", ""))
        if action == "UpdateTable" and "ReplicaUpdates" in asked:
            return await self._make_global(region, name, asked)
        if action in _REFUSED:
            return _refusal("ValidationException", f"This stand-in does not replicate {action}.")
        table = self._global.get(name)
        if table is None:
            return await _ask(region, action, asked)
        if action == "DeleteTable":
            return await self._delete(name)
        if action in _WRITES:
            write = self._write_strongly if table.strong else self._write
            return await write(table, region, action, asked)
        return await _ask(table.home if table.strong else region, action, asked)

    async def _make_global(self, region: str, name: str, asked: dict[str, Any]) -> Answer:
        status, described = await _ask(region, "DescribeTable", {"TableName": name})
        if status != 200:
            return status, described
        table = described["Table"]
        made = {each: table[each] for each in ("KeySchema", "AttributeDefinitions")}
        for update in asked["ReplicaUpdates"]:
            other = update["Create"]["RegionName"]
            if other not in self._regions:
                return _refusal("ValidationException", f"There is no region {other} here.")
            await _ask(
                other, "CreateTable", {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **made}
            )
        self._global[name] = _Global(
            home=region,
            strong=asked.get("MultiRegionConsistency") == "STRONG",
            key_names=[each["AttributeName"] for each in table["KeySchema"]],
        )
        return 200, {"TableDescription": table}

    async def _delete(self, name: str) -> Answer:
        table = self._global.pop(name)
        answers = {
            region: await _ask(region, "DeleteTable", {"TableName": name})
            for region in self._regions
        }
        return answers[table.home]

    async def _write(
        self, table: _Global, region: str, action: str, asked: dict[str, Any]
    ) -> Answer:
        status, body = await _ask(region, action, asked)
        if status == 200:
            key = _key_of(table, action, asked)
            version = (time.time_ns(), region)
            table.versions[region, _hashable(key)] = version
            name = asked["TableName"]
            _, read = await _ask(
                region, "GetItem", {"TableName": name, "Key": key, "ConsistentRead": True}
            )
            copy = self._copy(table, name, key, read.get("Item"), version)
            task = asyncio.create_task(copy)
            self._copying.add(task)
            task.add_done_callback(self._copying.discard)
        return status, body

    async def _copy(
        self,
        table: _Global,
        name: str,
        key: dict[str, Any],
        item: dict[str, Any] | None,
        version: tuple[int, str],
    ) -> None:
        """Tell the other regions of a write, late; the last writer wins."""
        await asyncio.sleep(self._lag)
        for other in self._regions:
            place = (other, _hashable(key))
            if other == version[1] or table.versions.get(place, (0, "")) >= version:
                continue
            table.versions[place] = version
            if item is None:
                await _ask(other, "DeleteItem", {"TableName": name, "Key": key})
            else:
                await _ask(other, "PutItem", {"TableName": name, "Item": item})

    async def _write_strongly(
        self, table: _Global, region: str, action: str, asked: dict[str, Any]
    ) -> Answer:
        key = _hashable(_key_of(table, action, asked))
        lock = table.locks.setdefault(key, asyncio.Lock())
        if table.writing.get(key, region) != region:
            return _conflict()
        async with lock:
            if table.writing.get(key, region) != region:
                return _conflict()
            status, body = await _ask(table.home, action, asked)
            if status == 200:
                table.writing[key] = region
                try:
                    await asyncio.sleep(self._lag)
                finally:
                    del table.writing[key]
        return status, body


def _key_of(table: _Global, action: str, asked: dict[str, Any]) -> dict[str, Any]:
    if action == "PutItem":
        return {name: asked["Item"][name] for name in table.key_names}
    key: dict[str, Any] = asked["Key"]
    return key


def _hashable(key: dict[str, Any]) -> Key:
    return json.dumps(key, sort_keys=True)


async def _ask(region: str, action: str, asked: dict[str, Any]) -> Answer:
    """Let ministack answer, as one region."""
    with request_scope(_ACCOUNT, region):
        headers = {"x-amz-target": f"{_PREFIX}{action}"}
        status, _, body = await handle_request("POST", "/", headers, json.dumps(asked).encode(), {})
    return status, json.loads(body)


def _conflict() -> Answer:
    return _refusal(
        "ReplicatedWriteConflictException",
        "The item is being modified by a request in another Region.",
    )


def _refusal(code: str, message: str) -> Answer:
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}
