"""Connections to Valkey that fail fast, plain and over TLS."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
import redis
from django.core.cache import cache
from django_redis.cache import RedisCache

from tests.helpers.waiting import wait_until
from worldseat.local.endpoint.tls import ROOT, make_authority, make_certificate, server_context
from worldseat.valkey import BreakingSSLConnection, KeptConnections, pool_options


@contextmanager
def tls_before_valkey(folder: Path) -> Iterator[str]:
    """Take TLS off before the tests' Valkey, whose build has none; yield the rediss:// URL."""
    behind = urlsplit(os.environ["REDIS_URL"])
    make_authority(folder)
    context = server_context(make_certificate(folder, "localhost"))
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    client = context.wrap_socket(listening.accept()[0], server_side=True)
                    server = socket.create_connection((behind.hostname, behind.port))
                    for ends in ((client, server), (server, client)):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        root = quote(str(folder / ROOT))
        port = listening.getsockname()[1]
        yield f"rediss://:{behind.password}@127.0.0.1:{port}{behind.path}?ssl_ca_certs={root}"
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)  # the thread that accepts would keep it open


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.close()


def test_a_rediss_url_is_spoken_to_over_tls_and_has_a_breaker(tmp_path: Path) -> None:
    with tls_before_valkey(tmp_path) as url:
        pool = redis.ConnectionPool.from_url(
            url, **pool_options(url, connect_seconds=20, seconds=20)
        )
        client = redis.Redis(connection_pool=pool)
        assert client.ping()
        connection = pool.get_connection()
        assert isinstance(connection, BreakingSSLConnection)
        assert isinstance(connection._sock, ssl.SSLSocket)
        pool.release(connection)
        pool.disconnect()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    with pytest.raises(redis.ConnectionError, match="a moment ago"):
        client.ping()


def test_a_certificate_of_nobody_is_refused(tmp_path: Path) -> None:
    with tls_before_valkey(tmp_path) as url:
        bare = url.partition("?")[0]
        options = pool_options(bare, connect_seconds=20, seconds=20)
        pool = redis.ConnectionPool.from_url(bare, **options)
        with pytest.raises(redis.ConnectionError, match="certificate"):
            redis.Redis(connection_pool=pool).ping()


def test_the_cache_takes_a_rediss_url(tmp_path: Path) -> None:
    with tls_before_valkey(tmp_path) as url:
        options = {"CONNECTION_POOL_KWARGS": pool_options(url, connect_seconds=20, seconds=20)}
        over_tls = RedisCache(url, {"OPTIONS": options, "KEY_PREFIX": "worldseat"})
        over_tls.set("said-over-tls", "yes", 60)
        assert cache.get("said-over-tls") == "yes"


def test_who_finds_it_gone_waits_once_and_not_each_time(connects: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        options = pool_options(url, connect_seconds=0.3, seconds=0.3)
        client = redis.Redis(connection_pool=redis.ConnectionPool.from_url(url, **options))
        with pytest.raises(redis.RedisError):
            client.ping()
        for _ in range(20):
            with pytest.raises(redis.ConnectionError):
                client.ping()
        assert len(connects) == 1


@pytest.fixture
def kept() -> KeptConnections:
    return KeptConnections(os.environ["REDIS_URL"], connect_seconds=10, seconds=30)


def test_a_connection_is_kept_whatever_was_answered(kept: KeptConnections) -> None:
    first = kept.ask("CLIENT", "ID")
    with pytest.raises(redis.ResponseError):
        kept.ask("NO-SUCH-COMMAND")
    assert kept.ask("CLIENT", "ID") == first


def test_a_kept_connection_that_has_died_is_replaced(kept: KeptConnections) -> None:
    dead = kept.ask("CLIENT", "ID")
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as other:
        other.client_kill_filter(_id=dead)
    assert kept.ask("CLIENT", "ID") > dead


def test_no_two_threads_share_a_connection(kept: KeptConnections) -> None:
    before, key = kept.ask("CLIENT", "ID"), f"test:{uuid4()}"
    waiting = threading.Thread(target=kept.ask, args=("BLPOP", key, 20))
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as other:
        waiting.start()
        wait_until(
            lambda: other.client_list(client_id=[before])[0]["cmd"] == "blpop",
            what="the first connection is in use",
        )
        assert kept.ask("CLIENT", "ID") != before
        other.rpush(key, "go on")
    waiting.join()


@pytest.mark.apart
def test_a_forked_process_has_connections_of_its_own(kept: KeptConnections) -> None:
    ours = kept.ask("CLIENT", "ID")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write, str(kept.ask("CLIENT", "ID")).encode())
        finally:
            os._exit(0)  # without the tests' own endings
    os.close(write)
    os.waitpid(child, 0)
    assert int(os.read(read, 100)) != ours
    os.close(read)
    assert kept.ask("CLIENT", "ID") == ours
