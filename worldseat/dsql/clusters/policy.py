"""The least IAM policies of those who set a pair up, run it, and use it.

Sources: the "Required permissions" of CreateCluster and UpdateCluster in the service model,
and the user guide's pages on condition keys and service-linked roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from worldseat.dsql.clusters.failures import ClusterError
from worldseat.dsql.clusters.observation import Sighting

__all__ = ["AUDIENCES", "NoExactArns", "least_policy"]

# setup: `create`. operate: status, wait, grant, delete, migrate. application: the web servers.
AUDIENCES = ("setup", "operate", "application")

Statement = dict[str, Any]


class NoExactArns(ClusterError):
    """The policy names exact ARNs, and the clusters that have them do not exist yet."""

    exit_code = 4


def least_policy(
    audience: str, *, seen: Sighting, account: str, witness: str | None
) -> dict[str, Any]:
    """Return a policy document that allows one audience what it needs and nothing else.

    Only `setup` can be written before the clusters exist; once they do, what it says about
    peers names their exact ARNs. account: twelve digits. Raises NoExactArns.
    """
    if audience == "setup":
        statements = _setup(seen, account=account, witness=witness)
    else:
        if not seen.complete:
            raise NoExactArns(
                f"The {audience} policy names the ARNs of both clusters of {seen.pair.name!r}, "
                f"which do not both exist yet.",
                todo="Run `create` first; before that, `policy --for setup`.",
            )
        statements = _operate(seen) if audience == "operate" else _application(seen)
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(
    sid: str, actions: Iterable[str], resources: Iterable[str], **condition: Any
) -> Statement:
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(resources),
    }
    if condition:
        statement["Condition"] = {"StringEquals": condition["equals"]}
    return statement


def _list(seen: Sighting) -> Statement:
    # ListClusters knows no resource; the regions still bound it.
    return _allow(
        "FindThePair",
        ["dsql:ListClusters"],
        ["*"],
        equals={"aws:RequestedRegion": list(seen.pair.regions)},
    )


def _setup(seen: Sighting, *, account: str, witness: str | None) -> list[Statement]:
    any_cluster = [f"arn:aws:dsql:{region}:{account}:cluster/*" for region in seen.pair.regions]
    # Creating is authorised on cluster/*; naming a peer, on that peer's exact ARN once it has one.
    peers = [
        seen.clusters[region].arn if region in seen.clusters else pattern
        for region, pattern in zip(seen.pair.regions, any_cluster, strict=True)
    ]
    statements = [
        _list(seen),
        _allow(
            "CreateThePair",
            ["dsql:CreateCluster", "dsql:TagResource", "dsql:PutMultiRegionProperties"],
            any_cluster,
        ),
        _allow("NameEachOther", ["dsql:AddPeerCluster"], peers),
        _allow("SetUp", ["dsql:GetCluster", "dsql:UpdateCluster"], peers),
    ]
    if witness:
        # Checked in the cluster's region and in the witness's.
        statements.append(
            _allow(
                "ChooseTheWitness",
                ["dsql:PutWitnessRegion"],
                [*any_cluster, f"arn:aws:dsql:{witness}:{account}:cluster/*"],
                equals={"dsql:WitnessRegion": witness},
            )
        )
    if seen.gone:
        statements.append(
            _allow("ForgetDeletedPeers", ["dsql:RemovePeerCluster"], sorted(seen.gone))
        )
    # The first cluster of an account makes the role by which DSQL works there.
    statements.append(
        _allow(
            "FirstClusterOfTheAccount",
            ["iam:CreateServiceLinkedRole"],
            [
                f"arn:aws:iam::{account}:role/aws-service-role/dsql.amazonaws.com/"
                f"AWSServiceRoleForAuroraDsql"
            ],
            equals={"iam:AWSServiceName": "dsql.amazonaws.com"},
        )
    )
    return statements


def _operate(seen: Sighting) -> list[Statement]:
    exact = [each.arn for each in seen]
    return [
        _list(seen),
        _allow("SeeThePair", ["dsql:GetCluster"], exact),
        _allow("MigrateAndGrant", ["dsql:DbConnectAdmin"], exact),
        _allow(
            "DeleteThePair",
            ["dsql:UpdateCluster", "dsql:DeleteCluster", "dsql:RemovePeerCluster"],
            exact,
        ),
    ]


def _application(seen: Sighting) -> list[Statement]:
    return [_allow("UseTheDatabase", ["dsql:DbConnect"], [each.arn for each in seen])]
