"""DATABASE_URL, good and bad."""

from __future__ import annotations

from typing import Any

import pytest

from worldseat.dsql.url import BadDatabaseURL, database_from_url

HOST = "abcdefghijklmnopqrstuvwxyz.dsql.us-east-2.on.aws"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            f"dsql://admin@{HOST}/postgres?region=us-east-1",
            {"USER": "admin", "HOST": HOST, "PORT": "5432", "NAME": "postgres", "PASSWORD": ""},
        ),
        (f"dsql://{HOST}", {"USER": "admin", "NAME": "postgres"}),
        (f"dsql://worldseat@{HOST}:6432/", {"USER": "worldseat", "PORT": "6432"}),
        (
            "postgres://me:p%40s%2Fs@db.example:5433/shop",
            {"USER": "me", "PASSWORD": "p@s/s", "HOST": "db.example", "PORT": "5433"},
        ),
        ("postgresql://db.example", {"USER": "", "NAME": "postgres", "PORT": "5432"}),
        ("postgres://[::1]:5433/shop", {"HOST": "::1", "PORT": "5433", "NAME": "shop"}),
    ],
)
def test_reads_the_parts(url: str, expected: dict[str, Any]) -> None:
    database = database_from_url(url)
    assert database["ENGINE"] == "worldseat.dsql"
    assert {name: database[name] for name in expected} == expected


def test_reads_the_region() -> None:
    assert database_from_url(f"dsql://{HOST}")["OPTIONS"]["region"] == "us-east-2"
    assert database_from_url(f"dsql://{HOST}?region=eu-west-1")["OPTIONS"]["region"] == "eu-west-1"
    assert database_from_url("dsql://proxy.example?region=a")["OPTIONS"]["region"] == "a"


def test_passes_the_options_on() -> None:
    options = database_from_url(f"dsql://{HOST}?hostaddr=127.0.0.1&sslrootcert=/ca.pem")["OPTIONS"]
    assert options["hostaddr"] == "127.0.0.1"
    assert options["sslrootcert"] == "/ca.pem"


@pytest.mark.parametrize(
    ("url", "iam"), [(f"dsql://{HOST}?iam=0", True), ("postgres://h/d?iam=1", False)]
)
def test_takes_iam_from_the_scheme_alone(url: str, iam: bool) -> None:
    assert database_from_url(url)["OPTIONS"]["iam"] is iam


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "scheme ''"),
        ("mysql://h/d", "use dsql:// for a cluster"),
        ("/var/lib/db.sqlite", "scheme"),
        ("postgres:///shop", "host is missing"),
        ("dsql://admin@/postgres", "host is missing"),
        ("dsql://admin@cluster.example/postgres", "add \\?region="),
        (f"dsql://admin@{HOST}/shop", "one database"),
        (f"dsql://admin:secret@{HOST}/postgres", "takes no password"),
        ("postgres://me@h:65536/d", "port"),
        ("postgres://me@h:x/d", "port"),
        ("postgres://[::1/d", "not a URL"),
        ("postgres://me:se#cret@h/d", "%23"),
        ("postgres://me:pw@h/d#cret", "%23"),
        ("postgres://me:se/cret@h/d", "%2F"),
    ],
)
def test_refuses_a_bad_url(url: str, complaint: str) -> None:
    with pytest.raises(BadDatabaseURL, match=complaint) as caught:
        database_from_url(url)
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None
