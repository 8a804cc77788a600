"""The global table that the DynamoDB contenders sell from.

One table for each mode of consistency, kept between runs, since making one on AWS takes minutes.
An item is a seat or a ticket; its partition is the stampede, so two at once do not meet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from sales.stampede.options import Options

__all__ = ["CONNECT_SECONDS", "client_in", "items_of", "make_table", "table_name"]

# Also how long the table's replicas are waited for: on AWS, minutes.
_TABLE_SECONDS = 900.0
_LOOK_SECONDS = 0.05
CONNECT_SECONDS = 5
# Where MRSC keeps its third copy; it has to be a region that neither replica is in.
_WITNESS = "us-west-2"
_one_at_a_time = threading.Lock()


def table_name(*, strong: bool) -> str:
    """Return the name of the table of a mode."""
    return f"worldseat-stampede-{'mrsc' if strong else 'mrec'}"


def client_in(region: str, options: Options, *, connections: int = 10) -> Any:
    """Return a boto3 client of a region: of AWS, or of the stand-in that `addresses` names.

    It tries nothing again by itself: that is the buyers' policy, the same for all contenders.
    """
    from botocore.config import Config

    local: dict[str, Any] = {}
    if not options.aws:
        local = {
            "endpoint_url": options.addresses[region],
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }
    config = Config(
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=10,
    )
    # A session takes long to make, and makes one client at a time.
    with _one_at_a_time:
        return _session().client("dynamodb", region_name=region, config=config, **local)


@cache
def _session() -> Any:
    # boto3 takes a tenth of a second to import; a web process need not start with it.
    import boto3

    return boto3.session.Session()


def make_table(regions: Sequence[str], options: Options, *, strong: bool) -> None:
    """Make the global table if it is not there, and wait until every region has it.

    `regions` are where it is; MRSC takes two and a witness, or three.
    """
    name, home = table_name(strong=strong), regions[0]
    client = client_in(home, options)
    if _state_of(client, name) is None:
        _create(client, name)
        _wait_until_active(client, name)
        others = [region for region in regions if region != home]
        if others:
            client.update_table(**_replication(name, others, strong=strong))
    for region in regions:
        _wait_until_active(client_in(region, options), name)


def _create(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "stampede", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "stampede", "AttributeType": "S"},
            {"AttributeName": "item", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def _replication(name: str, others: Sequence[str], *, strong: bool) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "TableName": name,
        "ReplicaUpdates": [{"Create": {"RegionName": region}} for region in others],
    }
    if strong:
        asked["MultiRegionConsistency"] = "STRONG"
        if len(others) == 1:
            asked["GlobalTableWitnessUpdates"] = [{"Create": {"RegionName": _WITNESS}}]
    return asked


def _wait_until_active(client: Any, name: str) -> None:
    until = time.monotonic() + _TABLE_SECONDS
    while _state_of(client, name) != "ACTIVE":
        if time.monotonic() > until:
            raise TimeoutError(f"The table {name} is not ACTIVE after {_TABLE_SECONDS:.0f} s.")
        time.sleep(_LOOK_SECONDS)


def _state_of(client: Any, name: str) -> str | None:
    try:
        table = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    replicas = {each.get("ReplicaStatus", "ACTIVE") for each in table.get("Replicas", [])}
    return str(table["TableStatus"]) if replicas <= {"ACTIVE"} else "UPDATING"


def items_of(client: Any, name: str, stampede: str, kind: str) -> Iterator[dict[str, Any]]:
    """Yield a stampede's items of a kind (`seat`, `ticket`), as this region has them, in order."""
    pages = client.get_paginator("query").paginate(
        TableName=name,
        KeyConditionExpression="stampede = :stampede AND begins_with(#item, :kind)",
        ExpressionAttributeNames={"#item": "item"},
        ExpressionAttributeValues={":stampede": {"S": stampede}, ":kind": {"S": f"{kind}#"}},
        ConsistentRead=True,
    )
    for page in pages:
        yield from page["Items"]
