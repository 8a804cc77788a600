"""The settings that `create` writes: complete, private, and never a file lost."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.standin import ControlPlane
from worldseat.dsql.url import database_from_url


def read(path: Path) -> dict[str, str]:
    """Read a file of environment variables as a shell or systemd would."""
    lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def mode(path: Path) -> int:
    """Return who may do what."""
    return path.stat().st_mode & 0o777


def test_each_region_gets_its_own_endpoint(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    assert cli("create").code == 0
    for cluster in aws.alive():
        values = read(cli.folder / f"{cluster.region}.env")
        database = database_from_url(values["DATABASE_URL"])
        assert database["HOST"] == f"{cluster.id}.dsql.{cluster.region}.on.aws"
        assert database["USER"] == "worldseat_app"
        assert database["OPTIONS"] == {"region": cluster.region, "iam": True}
        assert values["WORLDSEAT_REGION"] == cluster.region
        assert values["WORLDSEAT_REGIONS"] == "us-east-1,us-east-2"


def test_nobody_else_may_read_them_and_both_share_the_secret(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    cli("create")
    first, second = sorted(cli.folder.iterdir())
    assert (mode(first), mode(second)) == (0o600, 0o600)
    assert read(first)["SECRET_KEY"] == read(second)["SECRET_KEY"]
    assert len(read(first)["SECRET_KEY"]) >= 50
    assert read(first)["TICKET_KEYS"] == read(second)["TICKET_KEYS"]
    assert len(b64decode(read(first)["TICKET_KEYS"] + "=", altchars="-_", validate=True)) == 32


def test_a_file_that_is_right_stays_as_it_is(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    cli("create")
    before = [path.read_bytes() for path in sorted(cli.folder.iterdir())]
    outcome = cli("create")
    assert "was right already" in outcome.out
    assert [path.read_bytes() for path in sorted(cli.folder.iterdir())] == before


def test_a_file_that_differs_keeps_its_other_lines_and_a_copy(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    cli.folder.mkdir()
    path = cli.folder / "us-east-2.env"
    text = "# mine\nSECRET_KEY=kept-as-it-is\nTICKET_KEYS=new,old\nDATABASE_URL=dsql://old\nREDIS_URL=redis://x/?a=b\n"
    path.write_text(text + "DATABASE_URL=dsql://older\n")
    path.chmod(0o644)
    outcome = cli("create")
    values = read(path)
    assert values["REDIS_URL"] == "redis://x/?a=b"
    assert values["SECRET_KEY"] == "kept-as-it-is"
    assert values["TICKET_KEYS"] == "new,old"
    assert read(cli.folder / "us-east-1.env")["SECRET_KEY"] == "kept-as-it-is"
    assert aws.alive()[1].id in values["DATABASE_URL"]
    assert path.read_text().count("DATABASE_URL") == 1
    assert path.read_text().startswith("# mine\n")
    assert mode(path) == 0o600
    copy = cli.folder / "us-east-2.env.before"
    assert copy.read_text().startswith(text)
    assert mode(copy) == 0o600
    assert f"changed {path} (DATABASE_URL: dsql://older -> dsql://worldseat_app@" in outcome.out
    assert "kept-as-it-is" not in outcome.out


def test_an_earlier_copy_is_not_overwritten(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    cli("create")
    path = cli.folder / "us-east-1.env"
    for role in ("one", "two"):
        cli("create", "--role", role)
    copies = sorted(cli.folder.glob("us-east-1.env.before*"))
    assert len(copies) == 2
    assert "dsql://two@" in path.read_text()


def test_none_are_written_when_told(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    assert cli("create", "--no-env").code == 0
    assert not cli.folder.exists()


def test_says_that_the_pair_is_made_when_they_cannot_be_written(
    aws: ControlPlane, cli: Cli
) -> None:
    cli.folder.write_text("a file where the folder should be")
    outcome = cli("create", "--json")
    assert outcome.code == 1
    assert "The pair is made" in outcome.err
    assert len(outcome.data["error"]["changed"]) == 3
    assert len(aws.alive()) == 2
