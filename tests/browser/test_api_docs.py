"""The API's page, which Swagger UI draws by the files that are collected."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.django_db(transaction=True)


def test_lists_the_operations(open_page: Callable[..., Page]) -> None:
    """A file that is left out of the collected ones is not found here either: a complaint."""
    page = open_page("/api/v1/docs/")
    expect(page.locator(".opblock").first).to_be_visible()
    expect(page.locator(".opblock", has_text="/api/v1/events/").first).to_be_visible()
