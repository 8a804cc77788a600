"""What organisers' templates ask about their visitor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import template

from accounts.models import Role
from accounts.tenancy import managed_in, roles_at_least, roles_in

register = template.Library()


@register.simple_tag(takes_context=True)
def manages(context: dict[str, Any]) -> bool:
    """Tell whether the visitor manages an organisation."""
    request = context.get("request")
    return bool(request and managed_in(request))


@register.simple_tag(takes_context=True)
def sells_for(context: dict[str, Any], organisation_id: UUID) -> bool:
    """Tell whether the visitor works in an organisation's box office, or above it."""
    request = context.get("request")
    if not request or request.user.is_anonymous:
        return False
    return roles_in(request).get(organisation_id) in roles_at_least(Role.BOX_OFFICE)
