"""A real Chromium before a real server; whatever it complains about fails the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.gate.plugin import NO_BROWSER
from tests.helpers import chromium
from tests.helpers.browsers import DESK, log_in
from tests.helpers.crew import is_database_quiet
from tests.helpers.waiting import wait_until

# Playwright runs an event loop on this thread, where Django would refuse its blocking calls.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# Five seconds are soon over on a busy machine: some pages look for news every three by themselves.
expect.set_options(timeout=30_000)


@pytest.fixture(autouse=True)
def _end_quietly(transactional_db: None, live_server: LiveServer) -> Iterator[None]:
    """Let end what a page asked for last: a write of it would meet the emptying of the tables."""
    yield
    wait_until(is_database_quiet, what="the pages' last requests end")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium for the whole run; without one the test is skipped, which the gate says."""
    try:
        found = chromium.find()
    except chromium.NoBrowser as error:
        pytest.skip(f"{NO_BROWSER}{error}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=found.path,
            args=chromium.FLAGS,
            env={**os.environ, **found.environment},
        )
        yield started
        started.close()


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.full)], ids=["quick", "whole"])
def quick(request: pytest.FixtureRequest) -> bool:
    """Look at a phone in the light and a desk in the dark; at all four in `make test-all`."""
    return bool(request.param)


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """Open pages: `open_page("/", as_user=fay, viewport=PHONE)`.

    A message on the console, an error of a script or a request to another host fails the test.
    """
    complaints: list[str] = []
    contexts = []
    host = urlsplit(live_server.url).netloc

    def check_host(request: Request) -> None:
        if urlsplit(request.url).netloc not in {host, ""}:
            complaints.append(f"foreign host: {request.url}")

    def watch(page: Page) -> None:
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", check_host)

    def open_one(
        path: str,
        *,
        as_user: User | None = None,
        viewport: ViewportSize = DESK,
        javascript: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url, viewport=viewport, java_script_enabled=javascript
        )
        contexts.append(context)
        if as_user:
            log_in(context, as_user, live_server.url)
        page = context.new_page()
        page.set_default_timeout(20_000)
        watch(page)
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints
