"""The plain purchase over HTTP, without what Django and DRF do for requests of all kinds.

It stands among the middleware: after what every answer passes (the scope, security headers), before
what serves pages (static files, sessions, forms): who comes with a token needs none of it.

It takes what an ordinary client sends: a bearer token, JSON with a seat and nothing else, a key of
printable ASCII. All else, and every case that `sales.lean` leaves, goes to the view as always.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from knox.crypto import hash_token

from sales.api.answers import SALE_REFUSALS
from sales.idempotency import fingerprint
from sales.lean.purchases import Answered, Asked, Sold, purchase
from sales.lean.statements import Row
from sales.models import Seat
from sales.seats import SeatTaken
from worldseat import limits
from worldseat.api.idempotency import LONGEST, REPLAYED
from worldseat.api.money import money, utc
from worldseat.api.problems import MEDIA_TYPE, answer
from worldseat.api.views import refuse_beyond
from worldseat.throttling import Verdict

__all__ = ["lean_purchase", "plain_purchases"]

_PATH = re.compile(r"/api/v1/events/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/purchases/")
_LONGEST_BODY = 1000
_LONGEST_TOKEN = 200


def plain_purchases(answer_otherwise: Callable[[HttpRequest], Any]) -> Callable[..., Any]:
    """Return middleware that answers plain purchases, where that is on."""

    def serve(request: HttpRequest) -> Any:
        found = _PATH.fullmatch(request.path_info) if settings.LEAN_PURCHASES else None
        if found is None or (response := lean_purchase(request, UUID(found[1]))) is None:
            return answer_otherwise(request)
        response["Content-Length"] = str(len(response.content))
        return response

    return serve


def lean_purchase(request: HttpRequest, event_id: UUID) -> HttpResponse | None:
    """Answer a plain purchase; None: nothing was done, the view has to."""
    asked = _asked(request, event_id)
    if asked is None:
        return None
    request.get_host()  # refuses names that are not ours, as for all others
    limit = _Limit(request)
    try:
        answered = purchase(
            asked,
            admit=limit,
            region=settings.REGION,
            now=timezone.now(),
            sold=lambda order: Answered(201, _json(order_body(order))),
            taken=lambda row: Answered(409, _json(_taken(row, request.path))),
        )
    except Exception as error:
        return answer(error, request)
    return None if answered is None else limit.told(_response(answered))


class _Limit:
    """Takes the request from its fan's buckets: once, however often the transaction runs."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._taken = False
        self._verdict: Verdict | None = None

    def __call__(self, row: Row) -> None:
        """Raise Problem (429) where she asks too often."""
        if not self._taken:
            self._taken = True
            fan = SimpleNamespace(pk=row.fan_id, is_simulated=row.is_simulated)
            self._verdict = limits.of_request(self._request, fan)
            refuse_beyond(self._verdict)

    def told(self, response: HttpResponse) -> HttpResponse:
        """Say how much is left (RateLimit)."""
        if self._verdict is not None:
            for name, value in self._verdict.headers().items():
                response[name] = value
        return response


def _asked(request: HttpRequest, event_id: UUID) -> Asked | None:
    """Read a plain purchase, None for anything else."""
    meta = request.META
    scheme, _, token = meta.get("HTTP_AUTHORIZATION", "").partition(" ")
    key = meta.get("HTTP_IDEMPOTENCY_KEY", "")
    if (
        request.method != "POST"
        or scheme != "Bearer"
        or not _is_plain(token, _LONGEST_TOKEN)
        or not _is_plain(key, LONGEST)
        or meta.get("QUERY_STRING")
        or meta.get("CONTENT_TYPE") != "application/json"
        or not 0 < int(meta.get("CONTENT_LENGTH") or 0) <= _LONGEST_BODY
    ):
        return None
    try:
        body = json.loads(request.body)
        seat_id = UUID(body["seat"]) if body.keys() == {"seat"} else None
        digest = hash_token(token)
    except (ValueError, TypeError, AttributeError, KeyError):
        return None
    if seat_id is None:
        return None
    same = fingerprint(method="POST", path=request.path, body=body)
    return Asked(digest, event_id, seat_id, key, same, meta.get("HTTP_QUEUE_PASS", ""))


def _is_plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isascii() and text.isprintable()


def order_body(order: Sold) -> dict[str, Any]:
    """Return what `OrderOut` would make of the order."""
    ticket, event, seat = order.ticket, order.event, order.ticket.seat
    total, fee = money(order.total_minor, order.currency), money(order.fees_minor, order.currency)
    return {
        "id": str(order.pk),
        "reference": order.reference,
        "event": {
            "id": str(event.pk),
            "name": event.name,
            "starts_at": utc(event.starts_at),
        },
        "state": order.state.value,
        "total": total,
        "fees": fee,
        "refunded": money(0, order.currency),
        "region": order.region,
        "created_at": utc(order.created_at),
        "tickets": [
            {
                "id": str(ticket.pk),
                "seat": {
                    "id": str(seat.pk),
                    "guid": seat.guid,
                    "section": seat.section,
                    "row": seat.row,
                    "number": seat.number,
                    "label": f"{seat.row}-{seat.number}",
                },
                "state": ticket.state.value,
                "price": total,
                "fee": fee,
                "price_type": ticket.price_type,
            }
        ],
    }


def _taken(row: Row, path: str) -> dict[str, Any]:
    seat = Seat(pk=row.seat_id, section=row.section, row=row.row, number=row.number)
    seat.status = row.status
    return SALE_REFUSALS[SeatTaken](SeatTaken([seat])).body(path)


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _response(answered: Answered) -> HttpResponse:
    response = HttpResponse(
        answered.body,
        status=answered.status,
        content_type=MEDIA_TYPE if answered.status >= 400 else "application/json",
    )
    if answered.replayed:
        response[REPLAYED] = "true"
    return response
