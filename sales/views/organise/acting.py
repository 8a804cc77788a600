"""What an organiser's forms do: once for each form, and if not, why not, in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid5

from django.core.exceptions import PermissionDenied
from django.db import Error
from django.http import Http404, HttpRequest

from sales.back_office.access import RoleTooLow
from sales.cancelling import OrderNotFound, OrderNotPaid, UnknownTicket
from sales.codes import CodeExhausted, CodeRequired
from sales.events import EventNotFound, NotOnSale
from sales.idempotency import Answer, KeyReused, RequestKey, fingerprint
from sales.limits import LimitReached
from sales.refunds import RefundTooLarge
from sales.seats import SeatTaken, UnknownSeat
from sales.telling.endpoints import (
    DeliveryNotFound,
    EndpointDisabled,
    EndpointNotFound,
    TooManyEndpoints,
)
from sales.tickets import ReissueLimit, TicketNotFound, TicketUsed, TicketVoid
from worldseat.dsql.occ import OutcomeUnknown, is_conflict, is_connection_lost
from worldseat.money import format_money
from worldseat.outbound import ForbiddenURL

__all__ = ["Refusal", "attempt", "done", "id_by_form"]

_KEY = re.compile(r"[0-9a-f]{32}")
_NOT_FOUND = (
    *(OrderNotFound, TicketNotFound, EventNotFound),
    *(EndpointNotFound, DeliveryNotFound),
)
_REFUSALS = (
    *(OrderNotPaid, UnknownTicket, RefundTooLarge, SeatTaken, UnknownSeat),
    *(CodeExhausted, CodeRequired, LimitReached, NotOnSale, ReissueLimit, TicketUsed, TicketVoid),
    *(EndpointDisabled, TooManyEndpoints, ForbiddenURL),
)


@dataclass(frozen=True)
class Refusal:
    """Why a form did nothing, for the page, and the HTTP status of it."""

    text: str
    status: HTTPStatus


def attempt(request: HttpRequest, act: Callable[[RequestKey], Any]) -> Refusal | None:
    """Do what a form asks for, once for its key; return why not, or None if it is done.

    `act` is one domain call, given what the form is known by. Raises Http404 for what is another
    organisation's, PermissionDenied where the visitor's role is too low.
    """
    key = request.POST.get("key", "")
    if not _KEY.fullmatch(key):
        return Refusal("The form was not complete. Nothing was changed.", HTTPStatus.BAD_REQUEST)
    try:
        act(_request_key(request, key))
    except _NOT_FOUND as error:
        raise Http404(str(error)) from None
    except RoleTooLow:
        raise PermissionDenied from None
    except KeyReused:
        text = "This page was used before. Nothing more was changed: here is a fresh one."
        return Refusal(text, HTTPStatus.CONFLICT)
    except _REFUSALS as refusal:
        return Refusal(f"{_words(refusal)} Nothing was changed.", HTTPStatus.CONFLICT)
    except OutcomeUnknown:
        text = "The database's answer was lost: look here whether it was done before you repeat it."
        return Refusal(text, HTTPStatus.SERVICE_UNAVAILABLE)
    except Error as error:
        if not (is_conflict(error) or is_connection_lost(error)):
            raise
        text = "Too many at once, it could not be settled in time. Nothing was changed: try again."
        return Refusal(text, HTTPStatus.SERVICE_UNAVAILABLE)
    return None


def id_by_form(request: HttpRequest) -> UUID:
    """Return an id for what a form makes: the same whenever that form is sent again, as it was."""
    known = _request_key(request, request.POST.get("key", ""))
    return uuid5(known.fan_id, f"{known.key} {known.fingerprint}")


def _request_key(request: HttpRequest, key: str) -> RequestKey:
    fields = {
        name: sorted(request.POST.getlist(name))
        for name in request.POST
        if name not in {"csrfmiddlewaretoken", "key"}
    }
    digest = fingerprint(method="POST", path=request.path, body=fields)
    user: Any = request.user
    return RequestKey(fan_id=user.pk, key=f"organise:{key}", fingerprint=digest)


def _words(refusal: Exception) -> str:
    if isinstance(refusal, SeatTaken):
        listed = ", ".join(f"{seat.section} {seat.label}" for seat in refusal.seats)
        return f"Somebody was faster: {listed} {'is' if len(refusal.seats) == 1 else 'are'} taken."
    if isinstance(refusal, RefundTooLarge):
        return f"At most {format_money(refusal.left_minor, refusal.currency)} can still go back."
    return str(refusal) or str(refusal.__doc__)


def done(_: object) -> Answer:
    """Render whatever was done: the page that follows shows it."""
    return Answer(HTTPStatus.FOUND, {})
