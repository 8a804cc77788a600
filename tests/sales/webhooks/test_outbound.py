"""Nothing is sent into a private network, wherever a name leads and whenever."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from worldseat.outbound import ForbiddenURL, check_url, post


@pytest.fixture
def strict(settings: Settings) -> None:
    """Nothing private is allowed, as on a real server."""
    settings.WEBHOOK_PRIVATE_NETWORKS = []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https:///nowhere",
        "https://user:secret@example.com/",
        "https://example.com:22/",
        "https://example.com:6379x/",
        "https://exa mple.com/",
        "https://ex\u00e4mple.com/",
        "https://127.0.0.1/",
        "https://10.0.0.8/",
        "https://192.168.1.1/",
        "https://172.16.3.4/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://168.63.129.16/",
        "https://192.0.0.192/",
        "https://0.0.0.0/",
        "https://255.255.255.255/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
    ],
)
def test_a_url_that_leads_inside_is_refused(strict: None, url: str) -> None:
    with pytest.raises(ForbiddenURL):
        check_url(url)


@pytest.mark.parametrize("url", ["https://example.com/hooks?a=b", "https://93.184.215.14:8443/"])
def test_a_url_that_leads_outside_is_not(strict: None, url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "leads_to",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0"],  # noqa: S104
)
def test_a_name_that_leads_inside_is_not_connected_to(
    strict: None, leads_to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A public address beside it does not help.
    names = lead(monkeypatch, ["93.184.215.14", leads_to])
    connected: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, where: connected.append(where))
    answered = post("https://hooks.example/", b"{}", {})
    assert "not an address in the public internet" in answered.error
    assert (names, connected) == (["hooks.example"], [])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_nor_is_another_way_to_write_this_machine(strict: None, host: str) -> None:
    assert "public internet" in post(f"https://{host}/", b"{}", {}).error


def lead(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> list[str]:
    """Have every name lead to some addresses; return the names that were looked up."""
    names: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        names.append(host)
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port),
            )
            for each in addresses
        ]

    monkeypatch.setattr("worldseat.outbound.socket.getaddrinfo", resolve)
    return names


@pytest.mark.apart
def test_goes_to_the_address_that_was_looked_at_under_its_own_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    authority = certificate(tmp_path, "hooks.example")
    trusting = ssl.create_default_context(cafile=str(authority))
    monkeypatch.setattr("worldseat.outbound.ssl.create_default_context", lambda: trusting)
    # The second look-up would lead elsewhere; there is none.
    names = lead(monkeypatch, ["127.0.0.1"])
    with tls_server(authority) as (port, seen):
        answered = post(f"https://hooks.example:{port}/in?a=b", b"{}", {"X-A": "1"})
        other = post(f"https://other.example:{port}/", b"{}", {})
    assert (answered.status, answered.error) == (200, "")
    assert seen == [("hooks.example", f"hooks.example:{port}", "/in?a=b")]
    assert names == ["hooks.example", "other.example"]
    assert other.status is None
    assert "certificate" in other.error.lower()


def certificate(folder: Path, name: str) -> Path:
    """Make a self-signed certificate and its key, in one file."""
    path = folder / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(path), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + (folder / "cert.pem").read_text())
    return path


@contextmanager
def tls_server(pem: Path) -> Iterator[tuple[int, list[tuple[str, str, str]]]]:
    """Serve HTTPS; yield the port, and (SNI, Host, path) of what was asked."""
    seen: list[tuple[str, str, str]] = []
    indications: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((indications[-1], self.headers["Host"], self.path))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda _, name, __: indications.append(name or "")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()
