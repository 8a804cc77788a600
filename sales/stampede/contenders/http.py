"""The product's purchase through its REST API: real connections, tokens, idempotency keys."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import urllib3
from django.utils import timezone

from accounts.tokens import issue_tokens, revoke_tokens
from sales.models import Outcome, SeatStatus
from sales.stampede.buyers import Told, Wish, describe
from sales.stampede.contenders.base import Found, Run, Unavailable
from sales.stampede.contenders.waiting import InRoom
from sales.stampede.options import Options

__all__ = ["HTTP", "Http"]

_CONNECTIONS = 64
_SECONDS = 30.0
# How often a buyer sends her request, the same one under the same key.
_TIMES = 5
_WAIT_SECONDS = 1.0
_TALLY = re.compile(r"retries=(\d+) conflicts=(\d+)")
_DETAIL_LENGTH = 300


class Unanswered(Exception):
    """The waiting room did not say how a buyer stands."""


class Http:
    """Buyers outside of the process: the region's own web server runs the purchase."""

    name = "http"
    title = "The same through the REST API"
    sells_product = True

    def require(self, options: Options) -> None:
        """Ask for a web server in each region."""
        if not options.addresses:
            raise Unavailable(
                "It needs a web server in each region: `manage.py stampede --contender http` "
                "starts them."
            )

    def describe(self, options: Options) -> str:
        """Say what is on the way."""
        return "REST API over kept HTTP/1.1 connections, a web server a region; unique index"

    def prepare(self, run: Run) -> None:
        """Do nothing: the seats are there."""

    @contextmanager
    def open(self, run: Run, region: str, fans: Sequence[UUID]) -> Iterator[_Api]:
        """Log the fans in, and open the connections."""
        tokens = issue_tokens(user_ids=fans, now=timezone.now())
        pool = urllib3.connectionpool.connection_from_url(
            run.options.addresses[region], maxsize=_CONNECTIONS, retries=False, timeout=_SECONDS
        )
        try:
            yield _Api(pool, run, tokens)
        finally:
            pool.close()
            revoke_tokens(tokens=list(tokens.values()))

    def look(self, run: Run) -> Found | None:
        """Leave it to the witness, who reads the product's tables in one snapshot."""
        return None

    def drop(self, run: Run) -> None:
        """Do nothing: results are kept."""


class _Api:
    """A region's API, as its buyers use it."""

    chooses_seats = False

    def __init__(
        self, pool: urllib3.HTTPConnectionPool, run: Run, tokens: Mapping[UUID, str]
    ) -> None:
        self._pool = pool
        self._run = run
        self._tokens = tokens
        self._plan: list[UUID] | None = None

    def enter(self) -> None:
        """Open a connection, which the pool keeps for whoever buys first."""
        self._pool.request("GET", "/healthz")

    def leave(self) -> None:
        """Do nothing: the connections are the pool's."""

    def free_seats(self, now: datetime) -> Sequence[UUID]:
        """Ask the API for the chart, once, and for what is taken."""
        event = f"/api/v1/events/{self._run.event_id}"
        if self._plan is None:
            chart = self._pool.request("GET", f"{event}/plan/").json()
            rows = [row for section in chart["sections"] for row in section["rows"]]
            self._plan = [UUID(seat["id"]) for row in rows for seat in row["seats"]]
        told = self._pool.request("GET", f"{event}/availability/").json()
        taken = {
            UUID(each["seat"]) for each in told["changed"] if each["status"] != SeatStatus.AVAILABLE
        }
        return [seat for seat in self._plan if seat not in taken]

    def stand(self, wish: Wish, ticket: str, now: datetime) -> InRoom:
        """Ask the API: a POST joins, a GET looks."""
        path = f"/api/v1/events/{wish.event_id}/queue/"
        if ticket:
            response = self._pool.request("GET", f"{path}{ticket}/")
        else:
            response = self._pool.request("POST", path, headers=self._who(wish))
        body = _body_of(response)
        if response.status not in (200, 201):
            raise Unanswered(f"{response.status} {body.get('code', '')}: {body.get('detail', '')}")
        return InRoom(
            ticket=body["ticket"],
            state=body["state"],
            pass_text=(body["pass"] or {}).get("token", ""),
            retry_after=float(response.headers["Retry-After"]),
        )

    def buy(self, wish: Wish, now: datetime) -> Told:
        """Send the purchase, again under the same key while no answer settles it; never raises."""
        attempts = conflicts = 0
        told = Told(outcome=Outcome.ERROR)
        for left in reversed(range(_TIMES)):
            attempts += 1
            try:
                response = self._post(wish)
            except Exception as error:
                # It may have been sold: only another answer can tell.
                told = Told(outcome=Outcome.UNKNOWN, detail=describe(error))
            else:
                if counted := _TALLY.search(response.headers.get("Server-Timing", "")):
                    attempts += int(counted[1])
                    conflicts += int(counted[2])
                settled = _understand(response)
                told = settled or _unsettled(response, told)
                if settled:
                    break
            if left:
                time.sleep(_WAIT_SECONDS)
        return Told(
            outcome=told.outcome,
            order_id=told.order_id,
            detail=told.detail,
            attempts=attempts,
            conflicts=conflicts,
        )

    def _post(self, wish: Wish) -> urllib3.BaseHTTPResponse:
        return self._pool.request(
            "POST",
            f"/api/v1/events/{wish.event_id}/purchases/",
            body=json.dumps({"seat": str(wish.seat_id)}),
            headers={
                **self._who(wish),
                "Content-Type": "application/json",
                "Idempotency-Key": wish.key,
                **({"Queue-Pass": wish.queue_pass} if wish.queue_pass else {}),
            },
        )

    def _who(self, wish: Wish) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[wish.fan_id]}"}


def _understand(response: urllib3.BaseHTTPResponse) -> Told | None:
    """Return what an answer says of the purchase; None where it has to be asked for again."""
    body = _body_of(response)
    if response.status == 201:
        return Told(outcome=Outcome.CONFIRMED, order_id=UUID(body["id"]))
    code = body.get("code", "")
    if response.status in {500, 502, 503, 504} or code == "request-in-progress":
        return None
    if code == "seat-taken":
        return Told(outcome=Outcome.REJECTED)
    detail = f"{response.status} {code}: {body.get('detail', '')}"[:_DETAIL_LENGTH]
    refused = response.status in {403, 409}
    return Told(outcome=Outcome.REJECTED if refused else Outcome.ERROR, detail=detail)


def _unsettled(response: urllib3.BaseHTTPResponse, before: Told) -> Told:
    """Return what she knows after an answer that settles nothing.

    `busy` says that nothing was sold; but a request before it may have been.
    """
    if before.outcome == Outcome.UNKNOWN:
        return before
    detail = f"{response.status} {_body_of(response).get('code', '')}"
    known = response.status == 503
    return Told(outcome=Outcome.ERROR if known else Outcome.UNKNOWN, detail=detail)


def _body_of(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        body = json.loads(response.data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


HTTP = Http()
