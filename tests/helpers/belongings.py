"""What belongs to an organisation, as a digest: to see that nothing of it changed."""

from __future__ import annotations

import hashlib

from django.apps import apps

from accounts.models import Organisation, TenantModel

__all__ = ["rows_of"]


def rows_of(organisation: Organisation) -> dict[str, str]:
    """Return a digest of an organisation's rows, by model."""
    found = {}
    for model in apps.get_models():
        if issubclass(model, TenantModel):
            own = {model.organisation_path(): organisation.pk}
            rows = model._default_manager.filter(**own).order_by("pk").values_list()
            found[model._meta.label] = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return found
