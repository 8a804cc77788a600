"""Users and the organisations they work for."""

from accounts.models.audit import AppendOnly, AuditEntry, AuditEntryQuerySet
from accounts.models.organisations import Membership, Organisation, OrganisationQuerySet, Role
from accounts.models.users import User, UserManager

__all__ = [
    "AppendOnly",
    "AuditEntry",
    "AuditEntryQuerySet",
    "Membership",
    "Organisation",
    "OrganisationQuerySet",
    "Role",
    "User",
    "UserManager",
]
