"""What organisers' templates ask about their visitor."""

from __future__ import annotations

from typing import Any

from django import template

from accounts.tenancy import managed_in

register = template.Library()


@register.simple_tag(takes_context=True)
def manages(context: dict[str, Any]) -> bool:
    """Tell whether the visitor manages an organisation."""
    request = context.get("request")
    return bool(request and managed_in(request))
