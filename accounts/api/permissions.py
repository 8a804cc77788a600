"""Who may use the organisers' side of the API: keys by their scopes, members by their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

from accounts.models import ApiKeyUser, GuestUser, Organisation, Role, Scope
from accounts.scopes import narrow
from accounts.tenancy import organisations_of
from accounts.two_factor import who_requires
from worldseat.api.problems import Problem, invalid, not_found

if TYPE_CHECKING:
    # It loads the authentication classes, which look into this module.
    from rest_framework.views import APIView

__all__ = [
    "ORGANISATION",
    "ByMethod",
    "HasScope",
    "MayBuy",
    "MayOrder",
    "organisation_of",
    "scope_of",
]

HEADER = "Worldseat-Organisation"

# For the operations that call `organisation_of`.
ORGANISATION = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1},
    OpenApiParameter.HEADER,
    required=False,
    description="The slug of the organisation that is meant, for users who work for several. An "
    "API key has one already.",
)


class ScopePermission(IsAuthenticated):
    """What `HasScope` makes: admits API keys with a scope, and users with a role."""

    scope: ClassVar[Scope]
    role: ClassVar[Role | None]

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Check key or user; raises Problem (403), which says what is missing."""
        user: Any = request.user
        if isinstance(user, ApiKeyUser):
            self._check_key(user, request.auth)
            return True
        if not super().has_permission(request, view):
            return False
        if self.role:
            own = organisations_of(user, role=self.role).values_list("pk", flat=True)
            if not own:
                if asking := who_requires(user):
                    raise _denied(
                        f"{asking.name} requires two-factor sign-in: set it up on the site."
                    )
                raise _denied(f"Only {_NAMES[self.role]} of an organisation may do this.")
            if not user.is_superuser:
                narrow(own)
        return True

    def _check_key(self, user: ApiKeyUser, key: Any) -> None:
        if self.scope not in key.scopes:
            has = ", ".join(key.scopes) or "none"
            raise _denied(f"This API key lacks the scope {self.scope}; it has: {has}.")
        user.granted_role = self.role or Role.MANAGER
        narrow([key.organisation_id])


_NAMES = {
    Role.OWNER: "an owner",
    Role.MANAGER: "a manager",
    Role.BOX_OFFICE: "the box office",
    Role.VIEWER: "a viewer",
    Role.SCANNER: "a scanner or the box office",
}


def _denied(detail: str) -> Problem:
    return Problem(403, "permission-denied", f"{detail} Nothing was changed.")


def HasScope(scope: str, *, role: Role | None) -> type[ScopePermission]:
    """Return a permission: API keys with a scope, users with a role in some organisation.

        permission_classes = (HasScope("orders:read", role=Role.BOX_OFFICE),)

    An API key then has that role in its organisation, for this request: `organisations_of` says
    so to the domain. In which of hers a user has it, the domain asks too. Without a role any
    user is admitted, and a key is a manager.
    """
    return type("HasScope", (ScopePermission,), {"scope": Scope(scope), "role": role})


class MayBuy(IsAuthenticated):
    """Admit users, and guests, who have only named an e-mail address."""

    guests_methods: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "POST", "DELETE")

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Check who it is; raises Problem (403) for a guest where guests may not come."""
        if isinstance(request.user, GuestUser):
            if request.method in self.guests_methods:
                return True
            raise _denied("A guest may buy; to see orders, use the link in the mail, or log in.")
        return super().has_permission(request, view)


class MayOrder(MayBuy):
    """Admit guests to order, but not to see the orders of the address."""

    guests_methods = ("POST",)


class MethodPermission(IsAuthenticated):
    """What `ByMethod` makes: one permission to read, another one to write."""

    read: ClassVar[type[ScopePermission]]
    write: ClassVar[type[ScopePermission]]

    @classmethod
    def for_method(cls, method: str) -> type[ScopePermission]:
        """Return what is asked of a request with this method."""
        return cls.read if method in SAFE_METHODS else cls.write

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Check key or user; raises Problem (403), which says what is missing."""
        return self.for_method(request.method or "")().has_permission(request, view)


def ByMethod(
    *, read: type[ScopePermission], write: type[ScopePermission]
) -> type[MethodPermission]:
    """Return a permission that asks for one scope to read and for another one to write.

    permission_classes = (
        ByMethod(
            read=HasScope("events:read", role=Role.VIEWER),
            write=HasScope("events:write", role=Role.MANAGER),
        ),
    )
    """
    return type("ByMethod", (MethodPermission,), {"read": read, "write": write})


def scope_of(view: APIView, method: str) -> type[ScopePermission] | None:
    """Return what a view asks of API keys, if it takes them."""
    for each in view.permission_classes:
        if isinstance(each, type) and issubclass(each, ScopePermission):
            return each
        if isinstance(each, type) and issubclass(each, MethodPermission):
            return each.for_method(method)
    return None


def organisation_of(request: Request) -> Organisation:
    """Return the organisation a request is about: the key's, or the user's.

    A user who has the role in several names one by its slug, in the header
    Worldseat-Organisation. Raises Problem: 400 if that is missing, 404 if it names none of hers.
    """
    user: Any = request.user
    asked = scope_of(request.parser_context["view"], request.method or "")
    role = (asked and asked.role) or Role.VIEWER
    own = organisations_of(user, role=role)
    if (slug := request.headers.get(HEADER)) is not None:
        own = own.filter(slug=slug)
    found = list(own.order_by("slug")[:2])
    if not found:
        raise not_found(f"You have no such organisation, or may not do this in it ({HEADER}).")
    if len(found) > 1:
        raise invalid({HEADER: ["You work for several organisations: send the slug of one."]})
    return found[0]
