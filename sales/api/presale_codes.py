"""Presale codes for organisers' programs: made, listed, withdrawn."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import HasScope
from accounts.models import Role
from sales.api.organiser_events import refused
from sales.back_office.access import RoleTooLow
from sales.events import EventNotFound
from sales.models import PresaleCode
from sales.organising.presale_codes import (
    MOST_AT_ONCE,
    BadCodes,
    CodeRules,
    code_page,
    make_codes,
    withdraw_codes,
)
from worldseat.api.parsing import StrictSerializer, TextField, UUIDField, query_of
from worldseat.api.problems import invalid
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["PresaleCodesView", "WithdrawCodesView"]

# Who reads a code can buy with it: that takes more than to read events.
_MANAGES = (HasScope("events:write", role=Role.MANAGER),)
_ALWAYS = ("invalid", "not-authenticated", "permission-denied", "not-found")
_LARGEST = 2**31 - 1


class CodesIn(StrictSerializer):
    """One code, or a number of them, and what each is good for."""

    text = TextField(
        max_length=30,
        required=False,
        allow_blank=True,
        help_text="Of one: the code itself. Of several: how each begins; it ends at random.",
    )
    number = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE, default=1)
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    cap = serializers.IntegerField(
        min_value=1,
        max_value=_LARGEST,
        required=False,
        allow_null=True,
        help_text="Tickets that may be sold under each; without: any number.",
    )
    category = UUIDField(
        required=False, allow_null=True, help_text="What it is good for; without: all that sell."
    )


class CodesQuery(StrictSerializer):
    """Which codes to list, and from where on."""

    q = TextField(max_length=40, required=False, help_text="How the codes begin.")
    after = TextField(max_length=40, required=False, help_text="`next_after` of a page.")
    limit = serializers.IntegerField(min_value=1, max_value=500, required=False)


class WithdrawIn(StrictSerializer):
    """Which codes."""

    codes = serializers.ListField(child=UUIDField(), min_length=1, max_length=MOST_AT_ONCE)
    withdrawn = serializers.BooleanField(
        default=True, help_text="False: those that were withdrawn are good again."
    )


class CodeOut(serializers.Serializer[Any]):
    """A code."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    category = serializers.UUIDField(source="category_id", allow_null=True)
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    cap = serializers.IntegerField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(source="disabled_at", allow_null=True)


class CodesMadeOut(serializers.Serializer[Any]):
    """What was made."""

    results = CodeOut(many=True)


class UsedCodeOut(CodeOut):
    """A code and what went under it."""

    sold = serializers.IntegerField(help_text="Valid tickets.")
    held = serializers.IntegerField(help_text="Seats that are held under it now.")


class CodesOut(serializers.Serializer[Any]):
    """Some codes, by their text."""

    results = UsedCodeOut(many=True)
    next_after = serializers.CharField(allow_null=True)


class WithdrawnOut(serializers.Serializer[Any]):
    """What came of it."""

    changed = serializers.IntegerField(help_text="Of the event's codes; others are left alone.")


class PresaleCodesView(APIView):
    """The presale codes of an event."""

    permission_classes = _MANAGES
    query = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Know the list's parameters when it is read only."""
        self.query = CodesQuery if request.method == "GET" else None
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="list_presale_codes",
        tags=["Organisers"],
        parameters=[CodesQuery],
        responses={200: CodesOut, **problems(*_ALWAYS)},
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """List codes by their text, with what was sold and is held under each."""
        asked = query_of(request, CodesQuery)
        try:
            page = code_page(
                event_id=event_id,
                user=request.user,
                now=timezone.now(),
                words=asked.get("q", ""),
                after=asked.get("after", ""),
                limit=asked.get("limit", 100),
            )
        except (EventNotFound, RoleTooLow) as error:
            raise refused(error) from None
        told = [{**_told(line.code), "sold": line.sold, "held": line.held} for line in page.lines]
        return Response({"results": told, "next_after": page.following or None})

    @extend_schema(
        operation_id="create_presale_codes",
        tags=["Organisers"],
        request=CodesIn,
        responses={201: CodesMadeOut, **problems(*_ALWAYS)},
        examples=[
            OpenApiExample(
                "Two codes for the fan club, good for four tickets each",
                {
                    "text": "CLUB-",
                    "number": 2,
                    "cap": 4,
                    "valid_from": "2027-01-08T09:00:00Z",
                    "valid_until": "2027-01-10T09:00:00Z",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Make codes; an answer that was lost is found by listing them."""
        given = CodesIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        try:
            made = make_codes(
                event_id=event_id,
                user=request.user,
                text=wanted.get("text", ""),
                number=wanted["number"],
                rules=CodeRules(
                    valid_from=wanted["valid_from"],
                    valid_until=wanted["valid_until"],
                    cap=wanted.get("cap"),
                    category_id=wanted.get("category"),
                ),
                now=timezone.now(),
            )
        except (EventNotFound, RoleTooLow) as error:
            raise refused(error) from None
        except BadCodes as error:
            raise invalid({error.field: [str(error)]}) from None
        return Response({"results": [_told(each) for each in made]}, status=201)


class WithdrawCodesView(APIView):
    """Codes that are good no more."""

    permission_classes = _MANAGES

    @extend_schema(
        operation_id="withdraw_presale_codes",
        tags=["Organisers"],
        request=WithdrawIn,
        responses={200: WithdrawnOut, **problems(*_ALWAYS)},
        examples=[
            OpenApiExample(
                "One code",
                {"codes": ["3c0c2a5e-6e3b-4d0e-9c0e-0a1f2b3c4d5e"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Withdraw codes, or let them be good again; what is held under them can be paid."""
        given = WithdrawIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            changed = withdraw_codes(
                event_id=event_id,
                user=request.user,
                code_ids=given.validated_data["codes"],
                withdrawn=given.validated_data["withdrawn"],
                now=timezone.now(),
            )
        except (EventNotFound, RoleTooLow) as error:
            raise refused(error) from None
        return Response({"changed": changed})


def _told(code: PresaleCode) -> dict[str, Any]:
    return dict(CodeOut(code).data)
