"""Who may use the organisers' side of the API."""

from __future__ import annotations

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import Role
from accounts.tenancy import organisations_of

__all__ = ["WorksInABoxOffice"]


class WorksInABoxOffice(IsAuthenticated):
    """Works in the box office of some organisation; of which, the domain asks."""

    message = "Only who works in an organisation's box office may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Look for one organisation in which the user has that role or a higher one."""
        return (
            super().has_permission(request, view)
            and organisations_of(request.user, role=Role.BOX_OFFICE).exists()
        )
