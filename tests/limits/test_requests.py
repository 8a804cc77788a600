"""Who asks too often is refused, and nobody else; browsing takes nothing from buying."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, Seat, Ticket
from tests.helpers.cast import PASSWORD, make_user
from tests.helpers.http_requests import token_of
from tests.helpers.waiting import wait_until
from worldseat.addresses import client_address, network_of

pytestmark = pytest.mark.django_db(transaction=True)

LogIn = Callable[[User], APIClient]


def few(settings: Settings, **limits: tuple[int, int]) -> None:
    settings.THROTTLES = {
        **settings.THROTTLES,
        **{name.replace("_", "-"): limit for name, limit in limits.items()},
    }


def buy(api: APIClient, seat: Seat, key: str = "one") -> int:
    path = f"/api/v1/events/{seat.event_id}/purchases/"
    return int(api.post(path, {"seat": str(seat.pk)}, headers={"Idempotency-Key": key}).status_code)


def test_an_answer_says_what_is_left(settings: Settings, api_as: LogIn, fay: User) -> None:
    few(settings, browse=(3, 60))
    api = api_as(fay)
    answers = [api.get("/api/v1/events/") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"browse";q=3;w=60, "browse-address";q=3000;w=60'
    assert answers[0]["RateLimit"] == '"browse";r=2;t=20'
    refused = answers[3]
    assert 10 < int(refused["Retry-After"]) <= 20  # less where the four took seconds
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "throttled"


def test_who_may_browse_no_more_still_buys(
    settings: Settings, api_as: LogIn, fay: User, seat: Seat
) -> None:
    few(settings, browse=(1, 60))
    api = api_as(fay)
    assert [api.get("/api/v1/events/").status_code for _ in range(2)] == [200, 429]
    assert buy(api, seat) == 201


def test_a_flood_leaves_another_fan_unharmed(
    settings: Settings, live_server: LiveServer, fay: User, event: Event, seats: list[Seat]
) -> None:
    # So slow to fill up again that nothing comes back while the test runs.
    few(settings, browse=(20, 120_000), sell=(5, 30_000))
    flooder = token_of(make_user("flooder"))
    buyer = token_of(fay)
    answered: Counter[int] = Counter()
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            answered[send(live_server, f"/api/v1/events/{event.pk}/availability/", flooder)] += 1
            path = f"/api/v1/events/{event.pk}/purchases/"
            answered[send(live_server, path, flooder, {"seat": str(event.pk)})] += 1

    threads = [threading.Thread(target=flood, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: answered[429] >= 100, what="the flood to be refused")
        path = f"/api/v1/events/{event.pk}/purchases/"
        bought = [send(live_server, path, buyer, {"seat": str(each.pk)}) for each in seats[:3]]
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=20)
    assert bought == [201, 201, 201]
    assert Ticket.objects.filter(fan=fay).count() == 3
    # Of the flood, what its buckets hold came through.
    through = sum(number for status, number in answered.items() if status != 429)
    assert through <= 20 + 5, answered
    assert answered[429] > 2 * through
    assert answered[500] == 0


def send(server: LiveServer, path: str, token: str, body: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(  # noqa: S310 # the test's own server
        f"{server.url}{path}",
        data=json.dumps(body).encode() if body else None,
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"{time.monotonic_ns()}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_simulated_buyer_meets_no_limit(
    settings: Settings, api_as: LogIn, fay: User, rf: RequestFactory
) -> None:
    from worldseat.limits import of_request

    few(settings, browse=(1, 60), browse_address=(1, 60))
    fay.is_simulated = True
    assert [of_request(rf.get("/api/v1/events/"), fay) for _ in range(3)] == [None] * 3


def test_guessing_a_password_ends_soon_and_locks_nobody_else_out(
    settings: Settings, api: APIClient, fay: User
) -> None:
    settings.TRUSTED_PROXIES = 1
    few(settings, login=(3, 300))

    def log_in(password: str, address: str) -> int:
        given = {"email": fay.email.upper(), "password": password}
        return int(
            api.post("/api/v1/auth/token", given, headers={"X-Forwarded-For": address}).status_code
        )

    tries = [log_in("wrong password", "192.0.2.1") for _ in range(4)]
    assert tries == [401, 401, 401, 429]
    assert log_in(PASSWORD, "192.0.2.1") == 429
    assert log_in(PASSWORD, "192.0.2.2") == 200


def test_the_page_to_log_in_has_the_same_limit(settings: Settings, fay: User) -> None:
    few(settings, login=(2, 300))
    client = Client()
    given = {"username": fay.email, "password": "wrong password"}
    answers = [client.post("/accounts/login/", given) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert "Retry-After" in answers[2]
    assert b"Too many requests" in answers[2].content


def test_wrong_tokens_are_told_to_wait(settings: Settings, api: APIClient) -> None:
    few(settings, unknown=(2, 60))
    api.credentials(HTTP_AUTHORIZATION="Bearer nobody")
    answers = [api.get("/api/v1/me/") for _ in range(3)]
    assert [each.status_code for each in answers] == [401, 401, 429]
    assert "Retry-After" in answers[2]


@pytest.mark.parametrize(
    ("proxies", "told", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "forged, 198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (2, "203.0.113.9", "127.0.0.1"),
        (1, "no address", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_our_proxies_are_believed(
    settings: Settings, rf: RequestFactory, proxies: int, told: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert client_address(rf.get("/", headers={"X-Forwarded-For": told})) == address


def test_a_customers_whole_network_is_one_client() -> None:
    assert (
        network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    )
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")


def test_one_can_log_in_without_valkey(
    no_valkey: None, connects: list[str], settings: Settings, fay: User
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/ip,5/5m/key", "login": "30/m/ip"}
    client = Client()
    given = {"login": fay.email, "password": "wrong password"}
    assert client.post("/accounts/login/", given).status_code == 200
    given["password"] = PASSWORD
    assert client.post("/accounts/login/", given).status_code == 302
    assert connects.count("127.0.0.1:9") <= 2, connects  # limits and cache find it gone, once each


def test_pages_and_sales_go_on_without_valkey(
    no_valkey: None,
    connects: list[str],
    client_as: Callable[[User], Client],
    api_as: LogIn,
    fay: User,
    seat: Seat,
) -> None:
    client = client_as(fay)
    for path in ("/", f"/events/{seat.event_id}/", "/orders/"):
        page = client.get(path)
        assert page.status_code == 200, path
        assert fay.email.encode() in page.content
    assert client.get(f"/events/{seat.event_id}/map.svg").status_code == 200
    assert api_as(fay).get(f"/api/v1/events/{seat.event_id}/availability/").status_code == 200
    assert buy(api_as(fay), seat) == 201
    assert connects.count("127.0.0.1:9") <= 2, connects
