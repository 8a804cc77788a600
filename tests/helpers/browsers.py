"""What the tests that use a browser share: sizes of a window, a session, a picture."""

from __future__ import annotations

import os
from pathlib import Path

from django.test import Client
from playwright.sync_api import BrowserContext, Page, ViewportSize

from accounts.models import User

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}


def log_in(context: BrowserContext, user: User, url: str) -> None:
    """Give a browser the session of a user."""
    client = Client()
    client.force_login(user)
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": url}])


def picture(page: Page, name: str) -> None:
    """Keep a picture of a page, where WORLDSEAT_PICTURES says."""
    if folder := os.environ.get("WORLDSEAT_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
