"""What a request may hold: JSON of a bounded size, the fields that are known, the right types."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import IO, Any, ClassVar

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from worldseat.api.problems import Problem

__all__ = [
    "ContentNegotiation",
    "JSONParser",
    "StrictSerializer",
    "TextField",
    "UUIDField",
    "query_of",
]


class JSONParser(BaseParser):
    """Parse JSON (UTF-8, as RFC 8259 has it) of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes.

    The framework's own parser reads as much as it is sent, and fails on deep nesting.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the body; raises ParseError, and Problem when it is too large."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise Problem(
                413, "body-too-large", f"The body has more than {limit} bytes. Nothing was changed."
            )
        try:
            return json.loads(body.decode(), parse_constant=_refuse_constant)
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise ParseError(
                f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
            ) from None
        except (ValueError, RecursionError):
            raise ParseError(
                "The body holds what no request needs: huge numbers, NaN, or deep nesting."
            ) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class ContentNegotiation(DefaultContentNegotiation):
    """Answer JSON also to a client that asks for something else (RFC 9110 allows it)."""

    def select_renderer(
        self,
        request: Request,
        renderers: Any,
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer that fits, or else the view's first one."""
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(
                request, renderers, format_suffix
            )
        except NotAcceptable:
            return renderers[0], renderers[0].media_type
        return chosen


class TextField(serializers.CharField):
    """A text; the framework's field also takes numbers."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text; refuses other types."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class UUIDField(serializers.UUIDField):
    """An id, as text; the framework's field also takes integers."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        """Return the id; refuses other types."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer[Any]):
    """Fields of a request; one that is not known is an error, as it is with Stripe.

    `one_of` describes fields of which a request has exactly one; `validate` has to see to it.
    """

    one_of: ClassVar[tuple[str, ...]] = ()

    def to_internal_value(self, data: Any) -> Any:
        """Return the fields; raises ValidationError with a message for each bad one."""
        values = super().to_internal_value(data)
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(
                {name: [f"Unknown. Known are: {', '.join(self.fields)}."] for name in unknown}
            )
        return values


def query_of(
    request: Request, serializer: type[StrictSerializer], *, also: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the query parameters of a request, checked; those in `also` are somebody else's."""
    given = {name: value for name, value in request.query_params.items() if name not in also}
    checked = serializer(data=given)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
