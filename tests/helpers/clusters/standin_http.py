"""The stand-in's control plane over HTTP, in the REST-JSON protocol of the published model."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.model import StructureShape

from tests.helpers.clusters.published_model import MODEL, Body
from tests.helpers.clusters.standin import ACCOUNT, ControlPlane, Hangup, Refused

STS_ANSWER = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/alice</Arn><UserId>A</UserId>
<Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


def _routes() -> list[tuple[str, re.Pattern[str], str]]:
    routes = []
    for name in MODEL.operation_names:
        http = MODEL.operation_model(name).http
        path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"])
        routes.append((http["method"], re.compile(path), name))
    return routes


ROUTES = _routes()


def _inputs(operation: str) -> StructureShape:
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    return shape


def _params(operation: str, found: dict[str, str], query: str, body: bytes) -> Body:
    params: Body = {**json.loads(body or b"{}"), **{k: unquote(v) for k, v in found.items()}}
    given = parse_qs(query)
    for name, shape in _inputs(operation).members.items():
        location = shape.serialization
        if location.get("location") == "querystring" and location["name"] in given:
            params[name] = given[location["name"]][0]
    return params


def _handler(plane: ControlPlane) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer: two would wait 40 ms for each other
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve()

        do_POST = do_DELETE = do_GET

        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            # ".../20261123/us-east-1/dsql/aws4_request": the region that the client meant.
            scope = self.headers["Authorization"].split("Credential=")[1].split("/")
            if scope[3] == "sts":
                self._send(200, STS_ANSWER.encode(), kind="text/xml")
                return
            operation, found = self._route(url.path)
            try:
                answer = plane.answer(
                    scope[2], operation, _params(operation, found, url.query, body)
                )
                self._send(200, json.dumps(answer).encode())
            except Refused as refused:
                self._refuse(refused)
            except Hangup:
                self.close_connection = True
            except AssertionError as error:
                self._refuse(Refused("ModelBroken", str(error)))

        def _route(self, path: str) -> tuple[str, dict[str, str]]:
            for method, pattern, operation in ROUTES:
                match = pattern.fullmatch(path)
                if match and method == self.command:
                    return operation, match.groupdict()
            raise LookupError(path)

        def _refuse(self, refused: Refused) -> None:
            error = (
                getattr(MODEL.shape_for(refused.code), "metadata", {}).get("error", {})
                if (refused.code in MODEL.shape_names)
                else {}
            )
            headers = {"x-amzn-ErrorType": refused.code}
            if "retryAfterSeconds" in refused.body:
                headers["Retry-After"] = str(refused.body["retryAfterSeconds"])
            self._send(
                error.get("httpStatusCode", 400), json.dumps(refused.body).encode(), headers=headers
            )

        def _send(
            self,
            status: int,
            body: bytes,
            *,
            kind: str = "application/json",
            headers: dict[str, str] | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing: pytest's output is for the tests."""

    return Handler


@contextmanager
def running(plane: ControlPlane) -> Iterator[str]:
    """Serve a control plane on loopback; yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(plane))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
