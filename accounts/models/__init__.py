"""Users and the organisations they work for."""

from accounts.models.api_keys import ApiKey, ApiKeyUser, Scope
from accounts.models.audit import AppendOnly, AuditEntry, AuditEntryQuerySet
from accounts.models.guests import GuestUser
from accounts.models.invitations import Invitation
from accounts.models.organisations import Membership, Organisation, OrganisationQuerySet, Role
from accounts.models.tenants import TenantManager, TenantModel
from accounts.models.users import User, UserManager

__all__ = [
    "ApiKey",
    "ApiKeyUser",
    "AppendOnly",
    "AuditEntry",
    "AuditEntryQuerySet",
    "GuestUser",
    "Invitation",
    "Membership",
    "Organisation",
    "OrganisationQuerySet",
    "Role",
    "Scope",
    "TenantManager",
    "TenantModel",
    "User",
    "UserManager",
]
