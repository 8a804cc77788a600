"""Who is let in: TLS, the name of the server, the token."""

from __future__ import annotations

import datetime

import botocore.auth
import psycopg
import pytest

from tests.helpers.endpoints import Connect, parameters
from worldseat.dsql.auth import mint_token
from worldseat.local.endpoint.launch import Endpoint


@pytest.mark.parametrize("negotiation", ["direct", "postgres"])
def test_lets_in_a_client_with_a_token(connect: Connect, east: Endpoint, negotiation: str) -> None:
    connection = connect(east, sslnegotiation=negotiation)
    assert connection.execute("SELECT 1").fetchone() == (1,)


def refused(endpoint: Endpoint, **changes: object) -> str:
    with pytest.raises(psycopg.OperationalError) as error:
        psycopg.connect(**parameters(endpoint, **changes))
    return str(error.value)


def test_refuses_a_client_without_tls(east: Endpoint) -> None:
    said = refused(east, sslmode="disable", sslnegotiation="postgres")
    assert "SSL negotiation is mandatory" in said


def test_refuses_a_client_that_names_no_server(east: Endpoint) -> None:
    assert "sni was not received" in refused(east, sslsni=0)


def test_refuses_a_client_that_names_another_server(east: Endpoint, west: Endpoint) -> None:
    said = refused(east, host=west.host, sslmode="require")
    assert "is not the name of this cluster" in said


def test_is_not_taken_for_another_server(east: Endpoint, west: Endpoint) -> None:
    assert "does not match host name" in refused(east, host=west.host)


def test_refuses_an_expired_token_with_the_hint(
    east: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:

    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: old.replace(tzinfo=None))
    token = mint_token(host=east.host, user="admin", region="us-east-1")
    monkeypatch.undo()
    said = refused(east, password=token)
    assert "unable to accept connection, access denied" in said
    assert "Signature expired" in said


def test_refuses_a_token_of_another_region_without_the_hint(east: Endpoint) -> None:
    token = mint_token(host=east.host, user="admin", region="us-east-2")
    said = refused(east, password=token)
    assert "access denied" in said
    assert "expired" not in said


def test_refuses_a_token_for_another_host(east: Endpoint, west: Endpoint) -> None:
    token = mint_token(host=west.host, user="admin", region="us-east-1")
    assert "access denied" in refused(east, password=token)


def test_refuses_the_administrator_with_a_token_for_roles(east: Endpoint) -> None:
    token = mint_token(host=east.host, user="somebody", region="us-east-1")
    assert "access denied" in refused(east, password=token)


def test_refuses_a_changed_signature(east: Endpoint) -> None:
    token = mint_token(host=east.host, user="admin", region="us-east-1")
    last = "0" if token[-1] != "0" else "1"
    assert "access denied" in refused(east, password=token[:-1] + last)


@pytest.mark.parametrize("password", ["", "secret", "a?b=c", "a/?Action=DbConnectAdmin"])
def test_refuses_what_is_no_token(east: Endpoint, password: str) -> None:
    assert "access denied" in refused(east, password=password or " ")


def test_refuses_any_other_database(east: Endpoint) -> None:
    assert 'database "template1" does not exist' in refused(east, dbname="template1")
