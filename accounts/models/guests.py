"""A fan who buys without logging in."""

from __future__ import annotations

from accounts.models.users import User


class GuestUser(User):
    """The user of an e-mail address, for somebody who has only named it: she may buy, and no more.

    It may be an account of somebody else. So it is nobody to a view that does not say that guests
    may come (accounts.api.permissions.MayBuy), and belongs to no organisation.
    """

    # Keeps the keys of one guest's requests apart from everybody else's.
    session: str = ""

    class Meta:
        proxy = True

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override] # a constant in Django's stubs
        """Whether IsAuthenticated admits it."""
        return False
