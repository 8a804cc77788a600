"""The API's description of itself: OpenAPI 3.1, and a page to read it."""

from __future__ import annotations

import threading
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView
from rest_framework import serializers

from worldseat.api.idempotency import HEADER, LONGEST, REPLAYED
from worldseat.api.money import Money
from worldseat.api.problems import MEDIA_TYPE, TITLES, Problem

__all__ = [
    "IDEMPOTENCY_KEY",
    "REPLAYED_HEADER",
    "DocsView",
    "SchemaView",
    "optional_key",
    "problems",
]

STATUSES = {
    "invalid": 400,
    "idempotency-key-missing": 400,
    "not-authenticated": 401,
    "second-factor-required": 401,
    "payment-refused": 402,
    "permission-denied": 403,
    "limit-reached": 403,
    "code-required": 403,
    "queue-pass-required": 403,
    "not-found": 404,
    "queue-closed": 409,
    "waitlist-closed": 409,
    "seat-taken": 409,
    "not-on-sale": 409,
    "wrong-state": 409,
    "not-ready": 409,
    "no-seats-left": 409,
    "request-in-progress": 409,
    "already-admitted": 409,
    "ticket-void": 409,
    "ticket-superseded": 409,
    "other-event": 409,
    "event-cancelled": 409,
    "reissue-limit": 409,
    "order-not-paid": 409,
    "too-late": 409,
    "too-dear": 409,
    "refund-too-large": 409,
    "webhook-disabled": 409,
    "hold-expired": 410,
    "body-too-large": 413,
    "unsupported-media-type": 415,
    "idempotency-key-reused": 422,
    "throttled": 429,
    "busy": 503,
}


def _key(description: str, *, required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        HEADER,
        {"type": "string", "minLength": 1, "maxLength": LONGEST},
        OpenApiParameter.HEADER,
        required=required,
        description=description,
    )


IDEMPOTENCY_KEY = _key(
    "A random text, new for each purchase. A request repeated with it within 24 hours has "
    "the effect of one, and the first one's answer (with `Idempotency-Replayed: true`).",
    required=True,
)

REPLAYED_HEADER = OpenApiParameter(
    REPLAYED,
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    response=True,
    description="The answer is the first one's to this key.",
)


def optional_key(description: str) -> OpenApiParameter:
    """Describe an Idempotency-Key that a request may do without."""
    return _key(description, required=False)


class ProblemOut(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    type = serializers.CharField(help_text="`urn:worldseat:problem:` and the code.")
    title = serializers.CharField(help_text="What the code means; the same each time.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="What happened this time, and what to do.")
    instance = serializers.CharField(help_text="Where it happened: the path.")
    code = serializers.ChoiceField(sorted(TITLES), help_text="What programs look at.")
    # The class's own `errors` is not hidden: fields are taken out of its body.
    errors = serializers.DictField(  # type: ignore[assignment] # see above
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="With `invalid`: field -> messages.",
    )
    seats = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="With `seat-taken`: which."
    )
    on_sale_at = serializers.DateTimeField(
        required=False, help_text="With `not-on-sale`: when the sale starts (or started)."
    )
    opens_at = serializers.DateTimeField(
        required=False, help_text="With `queue-closed`: from when on one may join."
    )
    limit = serializers.IntegerField(
        required=False, help_text="With `limit-reached`: tickets a fan may have."
    )
    ticket = serializers.UUIDField(
        required=False, help_text="With what a scan is refused for: which."
    )
    admitted_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="With `already-admitted`: when."
    )
    order = serializers.UUIDField(
        required=False, help_text="With `payment-refused` and `hold-expired`: the failed order."
    )
    until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="With `too-late`: until when; null: never."
    )
    more = Money(required=False, help_text="With `too-dear`: how much more it costs.")
    refundable = Money(required=False, help_text="With `refund-too-large`: what is left.")
    gate = serializers.CharField(required=False, help_text="With `already-admitted`: where.")
    voided_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="With `ticket-void`: since when."
    )


class StrictExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call] # registers itself
    """Say of a request's fields that there are no others, and that texts are not empty."""

    target_class = "worldseat.api.parsing.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema of the fields."""
        schema: dict[str, Any] = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        for name, field in self.target.fields.items():
            if isinstance(field, serializers.CharField) and not field.allow_blank:
                schema["properties"][name].setdefault("minLength", 1)
        if self.target.one_of:
            schema["oneOf"] = [{"required": [name]} for name in self.target.one_of]
        return {**schema, "additionalProperties": False}


def problems(*codes: str) -> dict[Any, OpenApiResponse]:
    """Describe the problems an operation answers with, for `responses` of extend_schema."""
    by_status: dict[int, list[str]] = {}
    for code in (*codes, "busy"):
        by_status.setdefault(STATUSES[code], []).append(code)
    return {
        (status, MEDIA_TYPE): OpenApiResponse(
            ProblemOut,
            description="; ".join(TITLES[code] for code in found),
            examples=[_example(status, code) for code in found],
        )
        for status, found in by_status.items()
    }


def _example(status: int, code: str) -> OpenApiExample:
    problem = Problem(status, code, "What happened, what was not changed, what to do.")
    return OpenApiExample(
        code,
        problem.body("/api/v1/..."),
        response_only=True,
        status_codes=[str(status)],
        media_type=MEDIA_TYPE,
    )


class SchemaView(SpectacularJSONAPIView):
    """The OpenAPI description, as JSON, made for one at a time.

    Two that are made at once while drf-spectacular still loads its extensions make it fail.
    """

    authentication_classes = ()
    permission_classes = ()
    _making = threading.Lock()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the description."""
        with self._making:
            return super().dispatch(request, *args, **kwargs)


class DocsView(SpectacularSwaggerView):
    """The description as a page to try things on."""

    authentication_classes = ()
    permission_classes = ()
    url_name = "api:schema"
