"""What is collected is what pages ask for, and all of it is served, under names with hashes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse

from accounts.models import User
from sales.models import Event
from sales.views import scanners

# As settings.py has it; tests/conftest.py has another one for all other tests.
STORAGES = configured.STORAGES
HASHED = re.compile(r"^/static/.+\.[0-9a-f]{12}(\.\w+)?$")
# What a file itself asks for.
ASKS = {
    ".css": re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s*["']([^"']+)|sourceMappingURL=(\S+)"""),
    ".js": re.compile(r"""\b(?:from|import)\s*\(?["'](\.[^"']+)["']|//# sourceMappingURL=(\S+)"""),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collect into a directory that was not there."""
    root = tmp_path_factory.mktemp("collected") / "static"
    with override_settings(STATIC_ROOT=root, STORAGES=STORAGES):
        call_command("collectstatic", interactive=False, verbosity=0)
    return root


@pytest.fixture
def collected(root: Path, settings: Any) -> Iterator[dict[str, str]]:
    """Serve what was collected; yield the names of the files: plain -> with hash."""
    settings.STATIC_ROOT = root
    settings.STORAGES = STORAGES
    settings.WHITENOISE_AUTOREFRESH = False
    scanners._kept_files.cache_clear()
    yield dict(staticfiles_storage.hashed_files)  # type: ignore[attr-defined] # a manifest's
    scanners._kept_files.cache_clear()


def asked_for(url: str, body: str) -> Iterator[str]:
    """Yield the addresses that a collected file asks for."""
    pattern = ASKS.get(Path(url).suffix)
    for found in pattern.finditer(body) if pattern else ():
        address = next(filter(None, found.groups())).partition("#")[0]
        if address and not address.startswith(("data:", "http")):
            yield normpath(join(dirname(url), address))


def follow(client: Client, addresses: set[str]) -> set[str]:
    """Ask for addresses and for what is asked for there; all must be served, for good."""
    followed: set[str] = set()
    while addresses - followed:
        url = (addresses - followed).pop()
        assert HASHED.match(url), url
        answer = client.get(url)
        assert answer.status_code == 200, url
        # WhiteNoise knows a hash only before an ending, which no license has.
        assert "immutable" in answer["Cache-Control"] or "/LICENSE." in url, url
        body = b"".join(answer.streaming_content)  # type: ignore[attr-defined] # a file
        if url.endswith((".css", ".js")):
            addresses |= set(asked_for(url, body.decode()))
        followed.add(url)
    return followed


def test_every_file_is_served_with_all_that_it_asks_for(
    collected: dict[str, str], client: Client
) -> None:
    addresses = {f"/static/{name}" for name in collected.values()}
    assert follow(client, set(addresses)) == addresses
    assert collected["worldseat/viewport.js"]


def test_each_file_is_kept_once_and_compressed_once(root: Path, collected: dict[str, str]) -> None:
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    plain = {name for name in files if not name.endswith(".gz")}
    assert plain == {*collected.values(), "staticfiles.json"}
    assert {name.removesuffix(".gz") for name in files - plain} < plain
    assert f"{collected['worldseat/style.css']}.gz" in files


def test_what_nobody_asks_for_is_left_out(collected: dict[str, str]) -> None:
    assert not [name for name in collected if name.endswith(".map") or "redoc" in name]
    assert not [name for name in collected if name.startswith("rest_framework")]
    for name in ("rest_framework/css/default.css", "rest_framework/css/bootstrap.min.css.map"):
        assert finders.find(name) is None, name


def test_what_tests_may_name_is_what_is_collected(collected: dict[str, str]) -> None:
    """All other tests name files by tests/static_names.py, which looks where this one looks."""
    assert {name for name in collected if not finders.find(name)} == set()


@pytest.mark.django_db(transaction=True)
def test_every_file_that_pages_ask_for_is_served(
    collected: dict[str, str], client_as: Callable[[User], Client], alice: User, event: Event
) -> None:
    alices = client_as(alice)
    pages = [
        "/",
        f"/events/{event.pk}/",
        reverse("sales:scanner", args=[event.pk]),
        reverse("sales:scanner-manifest", args=[event.pk]),
        reverse("sales:scanner-worker"),
        "/api/v1/docs/",
        "/accounts/login/",
        "/admin/",
        "/admin/sales/event/",
        f"/admin/sales/event/{event.pk}/change/",
        f"/organise/events/{event.pk}/",
        f"/organise/events/{event.pk}/seats/",
    ]
    for page in pages:
        answer = alices.get(page, follow=True)
        assert answer.status_code == 200, page
        named = names_in(answer)
        assert named, page
        follow(alices, named)


@pytest.mark.django_db(transaction=True)
def test_a_device_keeps_every_file_of_the_scanner(
    collected: dict[str, str], client_as: Callable[[User], Client], alice: User, event: Event
) -> None:
    alices = client_as(alice)
    asked = names_in(alices.get(reverse("sales:scanner", args=[event.pk])))
    kept = names_in(alices.get(reverse("sales:scanner-worker")))
    assert f"/static/{collected['worldseat/vendor/zxing_reader.wasm']}" in asked
    assert follow(alices, asked) <= kept


def names_in(answer: Any) -> set[str]:
    """Return the addresses of static files that a page, a manifest or a script names."""
    return set(re.findall(r"""["'(](/static/[^"')]+)""", answer.content.decode()))
