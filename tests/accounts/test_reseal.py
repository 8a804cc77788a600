"""Two-factor secrets outlive a change of SECRET_KEY: `manage.py reseal` seals them anew."""

from __future__ import annotations

import io
import json

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from tests.accounts.second_factor import code_of, switch_on
from tests.helpers.cast import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "o" * 40, "n" * 40


def log_in(fan: User, code: str) -> int:
    asked = {"email": fan.email, "password": PASSWORD, "code": code}
    return int(APIClient().post("/api/v1/auth/token", asked).status_code)


def reseal() -> dict[str, dict[str, int]]:
    told = io.StringIO()
    call_command("reseal", "--json", stdout=told)
    found: dict[str, dict[str, int]] = json.loads(told.getvalue())
    return found


def test_seals_apps_and_recovery_codes_under_the_new_key(settings: Settings, fay: User) -> None:
    settings.SECRET_KEY = OLD
    secret, recovery = switch_on(fay)
    assert log_in(fay, recovery[0]) == 200
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert reseal()["two_factor_secrets"] == {"sealed": 2, "lost": 0}
    settings.SECRET_KEY_FALLBACKS = []
    assert log_in(fay, code_of(secret)) == 200
    assert log_in(fay, recovery[0]) == 401, "used before, it stays so"
    assert log_in(fay, recovery[1]) == 200


def test_leaves_what_no_key_opens(settings: Settings, fay: User) -> None:
    settings.SECRET_KEY = OLD
    switch_on(fay)
    kept = list(Authenticator.objects.order_by("pk").values_list("data", flat=True))
    settings.SECRET_KEY = NEW
    assert reseal()["two_factor_secrets"] == {"sealed": 0, "lost": 2}
    assert list(Authenticator.objects.order_by("pk").values_list("data", flat=True)) == kept
