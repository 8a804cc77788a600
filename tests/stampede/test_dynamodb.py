"""The same buyers at a local DynamoDB: what each mode of a global table keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from sales.models import Stampede, StampedeState
from sales.stampede.contenders import dynamodb_tables
from sales.stampede.contenders.dynamodb_tables import client_in
from sales.stampede.options import Options
from sales.stampede.plan import CannotStampede
from sales.stampede.runner import run_share
from sales.stampede.settling import prepare_stampede, start_stampede
from tests.helpers.cast import at_once
from tests.helpers.stampedes import Plan
from tests.helpers.waiting import wait_until
from worldseat.local.dynamodb import launch
from worldseat.local.processes import Supervisor

pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True)]

EAST, WEST = REGIONS = ("us-east-1", "us-east-2")
# Longer than it takes, on a machine that is busy, until both regions have written.
LAG_MS = 500


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A DynamoDB for each region."""
    with Supervisor() as supervisor:
        scratch: Path = tmp_path_factory.mktemp("dynamodb")
        yield launch.start(supervisor, scratch, REGIONS, lag_ms=LAG_MS)


def _run(planned: Stampede) -> dict[str, Any]:
    prepare_stampede(stampede_id=planned.pk)
    start_stampede(stampede_id=planned.pk, now=planned.created_at)
    shares = [partial(run_share, stampede_id=planned.pk, region=region) for region in REGIONS]
    assert at_once(shares) == [True, True]
    planned.refresh_from_db()
    assert planned.state == StampedeState.FINISHED
    assert planned.report
    assert planned.report["errors"] == planned.report["unknown"] == 0
    assert f"{LAG_MS} ms from region to region" in planned.report["store"]
    report: dict[str, Any] = planned.report
    return report


def test_oversells_where_the_last_writer_wins(plan: Plan, addresses: dict[str, str]) -> None:
    planned = plan(buyers=20, contender="dynamodb-mrec", lag_ms=LAG_MS, addresses=addresses)
    report = _run(planned)
    assert report["oversold"] == report["confirmed"] - 1 > 0
    assert report["witness"]["tickets"] == report["confirmed"]
    assert not report["witness"]["agree"]


def test_sells_once_a_region_with_a_condition(plan: Plan, addresses: dict[str, str]) -> None:
    """A condition is judged by one region's copy: the other region's sale is on its way."""
    contender = "dynamodb-mrec-conditional"
    report = _run(plan(buyers=6, contender=contender, lag_ms=LAG_MS, addresses=addresses))
    assert [report["regions"][region]["confirmed"] for region in REGIONS] == [1, 1]
    assert report["oversold"] == 1


def test_sells_once_with_strong_consistency(plan: Plan, addresses: dict[str, str]) -> None:
    contender = "dynamodb-mrsc-conditional"
    report = _run(plan(buyers=20, contender=contender, lag_ms=LAG_MS, addresses=addresses))
    assert (report["confirmed"], report["rejected"], report["oversold"]) == (1, 19, 0)
    assert report["witness"]["agree"]
    assert report["conflicts"] > 0


def test_asks_for_a_dynamodb(plan: Plan) -> None:
    with pytest.raises(CannotStampede, match="starts a DynamoDB for it") as refusal:
        plan(contender="dynamodb-mrec")
    assert refusal.value.field == "contender"


@pytest.fixture
def tables(addresses: dict[str, str]) -> dict[str, Any]:
    """A client in each region, and a global table `t` in either mode."""
    options = Options(addresses=addresses)
    clients = {region: client_in(region, options) for region in REGIONS}
    for name, mode in (("eventual", "EVENTUAL"), ("strong", "STRONG")):
        if name not in clients[EAST].list_tables()["TableNames"]:
            dynamodb_tables._create(clients[EAST], name)
            clients[EAST].update_table(
                TableName=name,
                ReplicaUpdates=[{"Create": {"RegionName": WEST}}],
                MultiRegionConsistency=mode,
            )
    return clients


def _item(name: str, owner: str) -> dict[str, Any]:
    return {"stampede": {"S": "s"}, "item": {"S": name}, "owner": {"S": owner}}


def _owner(client: Any, table: str, name: str) -> str | None:
    key = {"stampede": {"S": "s"}, "item": {"S": name}}
    found = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return str(found["owner"]["S"]) if found else None


def test_copies_a_write_to_the_other_region_later(tables: dict[str, Any]) -> None:
    tables[EAST].put_item(TableName="eventual", Item=_item("a", "ada"))
    assert _owner(tables[WEST], "eventual", "a") is None
    wait_until(lambda: _owner(tables[WEST], "eventual", "a") == "ada", what="the copy")


def test_lets_the_last_writer_win(tables: dict[str, Any]) -> None:
    tables[EAST].put_item(TableName="eventual", Item=_item("b", "ada"))
    tables[WEST].put_item(TableName="eventual", Item=_item("b", "bea"))
    assert _owner(tables[EAST], "eventual", "b") == "ada"
    wait_until(lambda: _owner(tables[EAST], "eventual", "b") == "bea", what="the copy")
    # The other copy has to be on its way by then; and it does not win.
    time.sleep(LAG_MS / 1000)
    assert [_owner(tables[region], "eventual", "b") for region in REGIONS] == ["bea", "bea"]


def test_refuses_a_write_that_meets_another_region_s(tables: dict[str, Any]) -> None:
    def put(region: str) -> object:
        return tables[region].put_item(TableName="strong", Item=_item("c", region))

    told = at_once([partial(put, region) for region in REGIONS])
    refused = [each for each in told if isinstance(each, ClientError)]
    assert [each.response["Error"]["Code"] for each in refused] == [
        "ReplicatedWriteConflictException"
    ]
    first, second = (_owner(tables[region], "strong", "c") for region in REGIONS)
    assert first == second is not None


def test_asks_aws_for_what_its_model_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real tables cost money: the requests are held against the service's published model."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
    client = client_in(EAST, Options(aws=True))
    active = {"Table": {"TableName": "table", "TableStatus": "ACTIVE"}}
    with Stubber(client) as stub:
        stub.add_client_error("describe_table", "ResourceNotFoundException")
        stub.add_response("create_table", {})
        stub.add_response("describe_table", active)
        wanted = {
            "TableName": "worldseat-stampede-mrsc",
            "ReplicaUpdates": [{"Create": {"RegionName": WEST}}],
            "MultiRegionConsistency": "STRONG",
            "GlobalTableWitnessUpdates": [{"Create": {"RegionName": "us-west-2"}}],
        }
        stub.add_response("update_table", {}, wanted)
        stub.add_response("describe_table", active)
        stub.add_response("describe_table", active)
        monkeypatch.setattr(dynamodb_tables, "client_in", lambda region, options: client)
        dynamodb_tables.make_table(REGIONS, Options(aws=True), strong=True)
        stub.assert_no_pending_responses()
