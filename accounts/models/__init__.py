"""Users and the organisations they work for."""

from accounts.models.organisations import Membership, Organisation, OrganisationQuerySet, Role
from accounts.models.users import User, UserManager

__all__ = ["Membership", "Organisation", "OrganisationQuerySet", "Role", "User", "UserManager"]
