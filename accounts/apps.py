"""The accounts app: users, and the organisations they work for."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, organisations, memberships."""

    name = "accounts"
