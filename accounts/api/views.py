"""Registering, logging in and out, oneself."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import guests, tokens, users
from accounts.api.authentication import BearerAuthentication, logged_in
from accounts.api.serializers import CredentialsIn, GuestIn, RegistrationIn, TokenOut, UserOut
from accounts.two_factor import CodeMissing, CodeWrong, check_code
from worldseat.api.problems import Problem, invalid, not_authenticated
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["GuestView", "LogoutView", "MeView", "RegisterView", "TokenView"]


class RegisterView(APIView):
    """Make an account."""

    limited_as = "register"
    # A bad token must not keep anybody from registering or logging in.
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="register",
        tags=["Fans"],
        request=RegistrationIn,
        responses={201: UserOut, **problems("invalid")},
        examples=[
            OpenApiExample(
                "A fan",
                {"email": "fay@example.com", "password": "correct horse battery", "name": "Fay"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Make an account, with which one can log in at once."""
        given = RegistrationIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            user = users.register(**given.validated_data)
        except users.EmailTaken as error:
            raise invalid({"email": [error.__doc__ or ""]}) from None
        except users.WeakPassword as error:
            raise invalid({"password": error.messages}) from None
        return Response(UserOut(user).data, status=201)


class TokenView(APIView):
    """Log in."""

    limited_as = "login"
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="log_in",
        tags=["Fans"],
        request=CredentialsIn,
        responses={
            200: TokenOut,
            **problems("invalid", "not-authenticated", "second-factor-required"),
        },
        examples=[
            OpenApiExample(
                "A fan",
                {"email": "fay@example.com", "password": "correct horse battery"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Exchange e-mail address and password for a token.

        An account with two-factor sign-in needs a `code` too.
        """
        given = CredentialsIn(data=request.data)
        given.is_valid(raise_exception=True)
        shown = given.validated_data
        try:
            user = users.log_in(email=shown["email"], password=shown["password"])
            check_code(user=user, code=shown.get("code", ""))
        except CodeMissing as error:
            detail = f"{error.__doc__} Nobody was logged in."
            headers = {"WWW-Authenticate": "Bearer"}
            raise Problem(401, "second-factor-required", detail, headers=headers) from None
        except (users.LoginFailed, CodeWrong) as error:
            raise not_authenticated(error.__doc__ or "") from None
        issued = tokens.issue_token(user_id=user.pk, now=timezone.now())
        return Response(TokenOut(issued).data, headers={"Cache-Control": "no-store"})


class GuestView(APIView):
    """Buy without an account."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="begin_as_guest",
        tags=["Fans"],
        request=GuestIn,
        responses={200: TokenOut, **problems("invalid")},
        examples=[
            OpenApiExample(
                "A guest", {"email": "gus@example.com", "name": "Gus"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Name an e-mail address, and get a token that holds seats and buys them, for an hour.

        It shows nothing of the address, nor whether it has an account. The tickets are sent there,
        with a link to see the order and to keep it in an account. Limits count by address.
        """
        given = GuestIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            issued = guests.begin(**given.validated_data, now=timezone.now())
        except guests.NotAnAddress as error:
            raise invalid({"email": [error.__doc__ or ""]}) from None
        return Response(TokenOut(issued).data, headers={"Cache-Control": "no-store"})


class LogoutView(APIView):
    """Log out."""

    authentication_classes = (BearerAuthentication,)

    @extend_schema(
        operation_id="log_out",
        tags=["Fans"],
        request=None,
        responses={204: None, **problems("not-authenticated")},
    )
    def post(self, request: Request) -> Response:
        """Revoke the token that this request is sent with."""
        tokens.revoke_token(digest=request.auth.pk)
        return Response(status=204)


class MeView(APIView):
    """Oneself."""

    @extend_schema(
        operation_id="me",
        tags=["Fans"],
        responses={200: UserOut, **problems("not-authenticated")},
    )
    def get(self, request: Request) -> Response:
        """Tell whose token this is."""
        return Response(UserOut(logged_in(request)).data)
