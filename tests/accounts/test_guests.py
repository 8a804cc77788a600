"""A guest buys with an e-mail address alone, sees nothing of it, and may claim her order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from rest_framework.test import APIClient

from accounts import emails
from accounts.guests import begin, link_to
from accounts.models import Organisation, User
from accounts.users import LoginFailed, log_in
from sales.models import Event, Order, OrderMail, Seat, Ticket
from sales.order_mail import compose
from tests.accounts.second_factor import switch_on
from tests.helpers.api_calls import ApiAs, assert_nothing_sold, assert_problem, buy
from tests.helpers.cast import PASSWORD, at_once, make_event, make_user

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/auth/guest"
GUS = {"email": "gus@example.com", "name": "Gus"}


def guest_api(email: str = "gus@example.com", name: str = "Gus") -> APIClient:
    api = APIClient()
    token = api.post(URL, {"email": email, "name": name}).json()["token"]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return api


def claim_path(user: User) -> str:
    return link_to(user, "/orders/")


def test_buys_a_seat(event: Event, seat: Seat) -> None:
    sold = buy(guest_api(" Gus@Example.com "), event, seat)
    assert sold.status_code == 201, sold.content
    user = User.objects.get(email="gus@example.com")
    assert (user.name, user.has_usable_password()) == ("Gus", False)
    assert Ticket.objects.get().fan_id == user.pk
    with pytest.raises(LoginFailed):
        log_in(email=user.email, password="")


def test_holds_and_orders(event: Event, seats: list[Seat]) -> None:
    api = guest_api()
    holds = f"/api/v1/events/{event.pk}/holds/"
    ids = [str(seat.pk) for seat in seats[:2]]
    held = api.post(holds, {"seats": ids}, headers={"Idempotency-Key": "1"})
    assert held.status_code == 201, held.content
    hold = held.json()["id"]
    assert api.get(f"/api/v1/holds/{hold}/").status_code == 200
    assert api.post(f"/api/v1/holds/{hold}/extend/").status_code == 200
    body = {"hold": hold, "payment": {"provider": "test", "token": "tok_ok"}}
    paid = api.post("/api/v1/orders/", body, headers={"Idempotency-Key": "2"})
    assert paid.status_code == 201, paid.content


def test_answers_alike_whether_the_address_has_an_account(api: APIClient) -> None:
    owner = make_user("wilhelmina")  # too long a name to be in a token by chance
    known, unknown = (
        api.post(URL, {"email": email, "name": "X"}) for email in (owner.email, "new@example.com")
    )
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert set(known.json()) == set(unknown.json()) == {"token", "expires_at"}
    assert "wilhelmina" not in known.content.decode().lower()
    owner.refresh_from_db()
    assert (owner.name, owner.check_password(PASSWORD)) == ("Wilhelmina", True)


def test_sees_nothing_of_the_address(
    api_as: ApiAs, fay: User, event: Event, seats: list[Seat]
) -> None:
    order = buy(api_as(fay), event, seats[0]).json()
    ticket = order["tickets"][0]["id"]
    stranger = guest_api(fay.email)
    for path in (
        "/api/v1/me/",
        "/api/v1/orders/",
        f"/api/v1/orders/{order['id']}/",
        f"/api/v1/tickets/{ticket}/",
        f"/api/v1/tickets/{ticket}/qr.svg",
        f"/api/v1/tickets/{ticket}/ticket.pdf",
    ):
        assert_problem(stranger.get(path), 403, "permission-denied")
    for path in (
        f"/api/v1/orders/{order['id']}/cancel/",
        f"/api/v1/tickets/{ticket}/reissue/",
        f"/api/v1/tickets/{ticket}/exchange/",
        "/api/v1/auth/logout",
    ):
        assert stranger.post(path, {}).status_code in {401, 403}
    assert Ticket.objects.get().state == "valid"


def test_learns_no_answer_to_the_owners_keys(
    api_as: ApiAs, fay: User, event: Event, seats: list[Seat]
) -> None:
    mine = buy(api_as(fay), event, seats[0], key="1")
    theirs = buy(guest_api(fay.email), event, seats[0], key="1")
    assert mine.status_code == 201
    assert_problem(theirs, 409, "seat-taken")


def test_answers_again_to_its_own_key(event: Event, seat: Seat) -> None:
    api = guest_api()
    first, again = buy(api, event, seat), buy(api, event, seat)
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"


def test_does_not_get_round_the_limit(acme: Organisation, fay: User, api_as: ApiAs) -> None:
    event = make_event(acme, limit_per_fan=1)
    seats = list(event.seats.in_order())
    assert buy(api_as(fay), event, seats[0]).status_code == 201
    assert_problem(buy(guest_api(fay.email), event, seats[1]), 403, "limit-reached")
    assert buy(guest_api(), event, seats[2]).status_code == 201
    assert_problem(buy(guest_api(), event, seats[3]), 403, "limit-reached")


def test_has_no_role_of_the_address(bob: User, event: Event, seat: Seat, draft: Event) -> None:
    api = guest_api(bob.email)
    assert_problem(api.get("/api/v1/organiser/scan/keys/"), 403, "permission-denied")
    assert_problem(api.get(f"/api/v1/events/{draft.pk}/"), 404, "not-found")
    holds = f"/api/v1/events/{event.pk}/holds/"
    held = api.post(holds, {"seats": [str(seat.pk)]}, headers={"Idempotency-Key": "1"})
    body = {"hold": held.json()["id"], "payment": {"provider": "box_office"}}
    answer = api.post("/api/v1/orders/", body, headers={"Idempotency-Key": "2"})
    assert_problem(answer, 403, "permission-denied")
    assert not Order.objects.filter(state="paid").exists()


@pytest.mark.parametrize("email", ["x", "", "key@api-keys.invalid", "sim@simulated.invalid"])
def test_needs_an_address(api: APIClient, email: str) -> None:
    assert_problem(api.post(URL, {"email": email, "name": "X"}), 400, "invalid")
    assert not User.objects.exists()


def test_ends_after_an_hour(event: Event, seat: Seat, now: datetime) -> None:
    old = begin(**GUS, now=now - timedelta(hours=1))
    api = APIClient()
    for token in (old.token, old.token[:-1] + "x", "ws_guest_", "ws_guest_x"):
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        assert_problem(buy(api, event, seat), 401, "not-authenticated")
    assert_nothing_sold()


def test_makes_one_user_of_two_at_once(now: datetime) -> None:
    results: list[Any] = at_once([partial(begin, **GUS, now=now)] * 3)
    assert not [each for each in results if isinstance(each, Exception)]
    assert User.objects.count() == 1


def test_is_mailed_the_link_to_her_order(event: Event, seat: Seat, now: datetime) -> None:
    buy(guest_api(), event, seat)
    order = Order.objects.get()
    mail = OrderMail(order=order, template="order_paid", due_at=now, created_at=now)
    composed = compose(mail)
    assert composed
    assert composed.to == "gus@example.com"
    assert composed.context["order_path"].startswith("/accounts/guest/")
    user = User.objects.get()
    user.set_password(PASSWORD)
    user.save()
    composed = compose(OrderMail(order=Order.objects.get(), template="order_paid", due_at=now))
    assert composed
    assert composed.context["order_path"] == f"/orders/{order.pk}/"


def test_claims_her_order_by_the_link(client: Client, event: Event, seat: Seat) -> None:
    buy(guest_api(), event, seat)
    gus, order = User.objects.get(), Order.objects.get()
    path = link_to(gus, f"/orders/{order.pk}/")
    assert client.get(path).status_code == 200
    assert client.get("/orders/").status_code == 302, "mail scanners follow links"
    assert client.post(path)["Location"] == f"/orders/{order.pk}/"
    assert client.get(f"/orders/{order.pk}/").status_code == 200
    assert emails.is_confirmed(gus)
    form = {"password1": PASSWORD, "password2": PASSWORD}
    assert client.post("/accounts/password/set/", form).status_code == 302
    assert log_in(email=gus.email, password=PASSWORD) == gus
    other = Client()
    assert other.post(path)["Location"].startswith("/accounts/login/"), "the link is over"
    assert other.get("/orders/").status_code == 302


def test_claims_her_order_by_a_new_password(
    client: Client, event: Event, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("accounts.adapters.send_mail_later", lambda **mail: sent.append(mail))
    buy(guest_api(), event, seat)
    client.post("/accounts/password/reset/", {"email": "gus@example.com"})
    assert [mail["template"] for mail in sent] == ["reset_password"]


def test_gives_no_account_to_who_only_names_the_address(
    api: APIClient, event: Event, seat: Seat
) -> None:
    buy(guest_api(), event, seat)
    account = {"email": "gus@example.com", "name": "Eve", "password": PASSWORD}
    problem = assert_problem(api.post("/api/v1/auth/register", account), 400, "invalid")
    assert list(problem["errors"]) == ["email"]
    assert not User.objects.get().has_usable_password()


def test_opens_no_account_by_a_link(client: Client, alice: User, fay: User) -> None:
    unusable = make_user("una", password=None)
    switch_on(unusable)
    boss = make_user("boss", password=None, is_superuser=True)
    for user in (alice, fay, unusable, boss):
        token = signing.dumps(user.pk.hex, salt="accounts.guest.claim")
        assert client.post(f"/accounts/guest/{token}/")["Location"].startswith("/accounts/login/")
        assert client.get("/orders/").status_code == 302
    assert claim_path(fay) == "/orders/"


def test_buys_on_the_page(client: Client, event: Event, seat: Seat, fay: User) -> None:
    page = f"/events/{event.pk}/"
    key = re.search(r'name="key" value="(\w+)"', client.get(page).content.decode())
    assert key
    form = {"seat": str(seat.pk), "key": key[1]}
    asked = client.post(f"{page}purchase/", form)
    assert "Go on as a guest" in client.get(asked["Location"]).content.decode()
    back = client.post("/accounts/guest/", {**GUS, "next": f"{page}?seat={seat.pk}"})
    assert back["Location"] == f"{page}?seat={seat.pk}"
    assert "Buy as a guest" in client.get(back["Location"]).content.decode()
    done = client.post(f"{page}purchase/", form, follow=True)
    assert "The ticket is sent to gus@example.com" in done.content.decode()
    assert Ticket.objects.get().fan.email == "gus@example.com"
    assert client.get("/orders/").status_code == 302


def test_describes_who_may_come(api: APIClient) -> None:
    paths = api.get("/api/v1/schema/").json()["paths"]
    allowed = {
        (method, path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if {"guest": []} in operation.get("security", [])
    }
    assert ("post", "/api/v1/orders/") in allowed
    assert ("get", "/api/v1/orders/") not in allowed
    assert ("post", "/api/v1/events/{event_id}/purchases/") in allowed


def test_who_mistypes_her_address_finds_the_form_again(client: Client, seat: Seat) -> None:
    back = f"/events/{seat.event_id}/?seat={seat.pk}"
    mistaken = {"name": "Gus", "email": "gus@example", "next": back}
    answer = client.post("/accounts/guest/", mistaken, follow=True)
    page = answer.content.decode()
    assert "A name and an e-mail address are needed." in page
    assert "Go on as a guest" in page
    assert f'name="next" value="{back}"' in page
