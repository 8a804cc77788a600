"""What a web process loads before it answers, and after."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLResolver, get_resolver, reverse

from worldseat.loading import include_later

CHECKOUT = Path(__file__).resolve().parent.parent

# What no buyer or watcher needs.
LATER = {
    "celery",
    "fido2",
    "kombu",
    "sales.admin",
    "sales.api.organiser_events",
    "sales.plans",
    "sales.stampede",
    "sales.tasks",
    "sales.views.organise",
    "unfold.admin",
    "worldseat.admin",
}

ASK = """
from threading import Thread, enumerate as threads
from django.test import RequestFactory

def ask(path):
    statuses = []
    environ = RequestFactory().get(path).environ | {"SERVER_NAME": "localhost"}
    answer = worldseat.wsgi.application(environ, lambda status, *_: statuses.append(status))
    b"".join(answer)
    answer.close()
    return statuses[0]
"""


def in_a_new_process(code: str) -> Any:
    """Run Python that leaves `found`; return it with which of LATER are loaded in the end."""
    program = f"""
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "worldseat.settings"
found = None
{code}
print(json.dumps([found, sorted(name for name in {LATER!r} if name in sys.modules)]))
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(ran.stdout)


@pytest.mark.apart
def test_a_web_process_starts_without_what_no_buyer_needs() -> None:
    _, loaded = in_a_new_process("import worldseat.wsgi")
    assert loaded == []


@pytest.mark.apart
def test_its_first_answer_does_without_and_sets_it_loading() -> None:
    code = f"""
import worldseat.wsgi
{ASK}
before = [each.name for each in threads()]
found = [ask("/healthz"), "load-the-rest" in before]
for each in threads():
    if each.name == "load-the-rest":
        each.join()
found.append(ask("/healthz"))
found.append("load-the-rest" in [each.name for each in threads()])
"""
    found, loaded = in_a_new_process(code)
    assert found == ["200 OK", False, "200 OK", False]
    assert loaded == sorted(LATER)


@pytest.mark.apart
def test_who_asks_for_it_at_once_finds_it_whole() -> None:
    code = f"""
import worldseat.wsgi
{ASK}
paths = [
    "/healthz", "/admin/", "/organise/", "/stampedes/start/", "/accounts/two-factor/",
    "/api/v1/organiser/events/", "/api/v1/stampedes/", "/api/v1/schema/",
] * 2
found = {{}}
def note(path):
    found[path] = ask(path)
asking = [Thread(target=note, args=[path]) for path in paths]
for each in asking: each.start()
for each in asking: each.join()
"""
    found, _ = in_a_new_process(code)
    assert found == {
        "/healthz": "200 OK",
        "/admin/": "302 Found",
        "/organise/": "302 Found",
        "/stampedes/start/": "302 Found",
        "/accounts/two-factor/": "302 Found",
        "/api/v1/organiser/events/": "401 Unauthorized",
        "/api/v1/stampedes/": "401 Unauthorized",
        "/api/v1/schema/": "200 OK",
    }


@pytest.mark.apart
def test_a_command_starts_without_the_admin() -> None:
    _, loaded = in_a_new_process("import django; django.setup()")
    assert loaded == []


@pytest.mark.apart
def test_checks_look_at_the_admins_all_the_same() -> None:
    code = """
import django
django.setup()
from django.contrib import admin
from django.core.checks import run_checks
run_checks(tags=["admin"])
found = len(admin.site._registry)
"""
    found, _ = in_a_new_process(code)
    assert found > 20


def test_a_path_that_is_included_later_is_a_path_like_any() -> None:
    included = include_later("accounts/two-factor/", "allauth.mfa.urls")
    assert isinstance(included, URLResolver)
    assert included.resolve("accounts/two-factor/").url_name == "mfa_index"
    assert reverse("mfa_index") == "/accounts/two-factor/"
    assert reverse("admin:index") == "/admin/"


def test_every_module_that_paths_come_of_is_there() -> None:
    """Nothing imports them at the start: a name that is wrong would be found by who asks."""

    def look(resolver: URLResolver) -> int:
        nested = [each for each in resolver.url_patterns if isinstance(each, URLResolver)]
        return len(resolver.url_patterns) + sum(map(look, nested))

    assert look(get_resolver()) > 300
