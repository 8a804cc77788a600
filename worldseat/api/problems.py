"""Errors as the API tells them: problem+json (RFC 9457), each with a code of its own.

Whatever is raised while a request is served ends here, as does what Django refuses before a
view is reached (see `worldseat.api.errors`). No message of the database or of Python gets out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.core import exceptions as django_errors
from django.core.signals import got_request_exception
from django.db import Error, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from rest_framework import exceptions as api_errors
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from worldseat.dsql.occ import OutcomeUnknown, is_conflict, is_connection_lost

__all__ = ["MEDIA_TYPE", "TITLES", "Problem", "invalid", "problem_response"]

MEDIA_TYPE = "application/problem+json"

# What a client waits before it asks again, in seconds.
RETRY_AFTER_SECONDS = 1

# Code -> what it means, the same each time; `detail` tells the case.
TITLES = {
    "invalid": "The request is not valid",
    "idempotency-key-missing": "The Idempotency-Key header is missing",
    "not-authenticated": "Log in first",
    "second-factor-required": "A code of the second factor is required",
    "permission-denied": "You may not do this",
    "limit-reached": "The limit a fan is reached",
    "code-required": "A valid presale code is required",
    "queue-pass-required": "A pass from the waiting room is required",
    "queue-closed": "The waiting room is not open",
    "waitlist-closed": "The waitlist cannot be joined",
    "not-found": "There is nothing here",
    "method-not-allowed": "The method is not allowed here",
    "seat-taken": "The seat is not available",
    "no-seats-left": "There are no such seats left",
    "hold-expired": "The hold has expired",
    "payment-refused": "The payment was refused",
    "order-not-paid": "The order is not paid",
    "too-late": "The time for it is over",
    "too-dear": "The new seat costs more",
    "refund-too-large": "More than was paid",
    "request-in-progress": "The request is still being worked on",
    "already-admitted": "The ticket was used already",
    "ticket-void": "The ticket is void",
    "ticket-superseded": "The ticket was reissued since",
    "other-event": "The ticket is for another event",
    "event-cancelled": "The event is cancelled",
    "reissue-limit": "The ticket was reissued too often",
    "not-on-sale": "The event is not on sale",
    "wrong-state": "The event's state does not allow this",
    "not-ready": "Something of the event is missing or in the way",
    "body-too-large": "The body is too large",
    "unsupported-media-type": "Send JSON",
    "idempotency-key-reused": "The idempotency key was used for another request",
    "webhook-disabled": "The webhook is not enabled",
    "throttled": "Too many requests",
    "internal-error": "Something went wrong here",
    "busy": "Busy, try again",
}

_log = logging.getLogger(__name__)


class Problem(Exception):
    """The request is refused; this is what its client is told.

    `members` are what the case needs beside the standard ones, as JSON values.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def body(self, path: str) -> dict[str, Any]:
        """Return the problem as a JSON object; `path` is where it happened."""
        return {
            "type": f"urn:worldseat:problem:{self.code}",
            "title": TITLES[self.code],
            "status": self.status,
            "detail": self.detail,
            "instance": path,
            "code": self.code,
            **self.members,
        }

    def response(self, path: str) -> HttpResponse:
        """Return the problem as a response that no cache keeps."""
        return HttpResponse(
            json.dumps(self.body(path), cls=JSONEncoder),
            status=self.status,
            content_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def invalid(errors: Mapping[str, list[str]], detail: str = "") -> Problem:
    """Return the problem of bad input: field -> messages; nothing was changed."""
    fields = ", ".join(errors)
    return Problem(400, "invalid", detail or f"Nothing was changed. See: {fields}.", errors=errors)


def problem_response(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer what a view raised; the EXCEPTION_HANDLER of Django REST framework."""
    return answer(error, context["request"])


def answer(error: Exception, request: Request | HttpRequest) -> HttpResponse:
    """Answer an error, and report it where it is our own fault."""
    problem = _problem_of(error)
    if problem is None:
        problem = _report(error, request)
    return problem.response(request.path)


def _problem_of(error: Exception) -> Problem | None:
    """Return what a client is told about an error, or None if nobody thought of it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, api_errors.APIException):
        return _of_framework(error)
    if isinstance(error, Error):
        return _of_database(error)
    return _of_django(error)


def _of_framework(error: api_errors.APIException) -> Problem | None:
    detail = str(error.detail)
    if isinstance(error, api_errors.ValidationError):
        return invalid(_messages(error.detail))
    if isinstance(error, api_errors.ParseError):
        return invalid({"body": [detail]}, detail)
    if isinstance(error, api_errors.NotAuthenticated | api_errors.AuthenticationFailed):
        return not_authenticated(detail)
    if isinstance(error, api_errors.PermissionDenied):
        return Problem(403, "permission-denied", detail)
    if isinstance(error, api_errors.NotFound):
        return not_found()
    if isinstance(error, api_errors.MethodNotAllowed):
        return Problem(405, "method-not-allowed", detail)
    if isinstance(error, api_errors.UnsupportedMediaType):
        return Problem(
            415, "unsupported-media-type", "Send JSON, with `Content-Type: application/json`."
        )
    if isinstance(error, api_errors.Throttled):
        return Problem(
            429,
            "throttled",
            detail,
            headers={"Retry-After": str(int(getattr(error, "wait", None) or 1))},
        )
    return None


def _of_database(error: Error) -> Problem | None:
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, OutcomeUnknown):
        return Problem(
            503,
            "busy",
            "The connection to the database was lost while the request was being settled: it may "
            "or may not have taken effect. Repeat the same request with the same Idempotency-Key, "
            "if it has one: it never takes effect twice.",
            headers=retry,
        )
    if is_conflict(error):
        return Problem(
            503,
            "busy",
            "Too many requests met at the same place and did not settle in time. Nothing was "
            "changed. Send the request again.",
            headers=retry,
        )
    if is_connection_lost(error) or isinstance(error, InterfaceError) or _is_exhausted(error):
        _log.warning("The database is out of reach.", exc_info=error)
        return Problem(
            503,
            "busy",
            "This region's database is out of reach. Nothing was changed. Send the request again.",
            headers=retry,
        )
    return None


def _is_exhausted(error: Error) -> bool:
    """Tell whether the server ran out of connections or memory: SQLSTATE class 53."""
    return str(getattr(error.__cause__, "sqlstate", None)).startswith("53")


def _of_django(error: Exception) -> Problem | None:
    if isinstance(error, Http404):
        return not_found()
    if isinstance(error, django_errors.PermissionDenied):
        return Problem(403, "permission-denied", "You may not do this.")
    if isinstance(error, django_errors.RequestDataTooBig):
        return Problem(413, "body-too-large", "The body is too large.")
    if isinstance(
        error,
        django_errors.SuspiciousOperation
        | django_errors.BadRequest
        | UnreadablePostError
        | RawPostDataException,
    ):
        return invalid({"request": ["The request could not be read."]})
    return None


def not_found(detail: str = "There is nothing here, or nothing that you may see.") -> Problem:
    """Return the problem of what is not there, and of what belongs to somebody else."""
    return Problem(404, "not-found", detail)


def not_authenticated(detail: str) -> Problem:
    """Return the problem of a missing or bad token (or e-mail and password)."""
    return Problem(401, "not-authenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def _report(error: Exception, request: Request | HttpRequest) -> Problem:
    """Log an error nobody thought of, with its trace, and say nothing of it to the client."""
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    got_request_exception.send(sender=None, request=request)
    return Problem(500, "internal-error", "The error was logged. Nothing else is known about it.")


def _messages(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Flatten the framework's nested errors: dotted path of the field -> messages."""
    if isinstance(detail, dict):
        parts = [_messages(each, f"{path}.{key}" if path else key) for key, each in detail.items()]
    elif detail and isinstance(detail, list) and not isinstance(detail[0], str):
        parts = [
            _messages(each, f"{path}.{at}" if path else str(at)) for at, each in enumerate(detail)
        ]
    else:
        return {
            path or "body": [str(each) for each in detail]
            if isinstance(detail, list)
            else [str(detail)]
        }
    return {key: each for part in parts for key, each in part.items()}
