"""Presale codes in the browser: managers make, list, withdraw them; the box office reads them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry, Organisation, Role, User
from sales.codes import CodeRequired
from sales.models import Event, Hold, Order, PresaleCode, Seat
from sales.organising.presale_codes import BadCodes, CodeRules, make_codes
from tests.helpers.cast import at_once, make_event, make_member
from tests.helpers.payments import hold, pay
from tests.helpers.purchases import buy
from tests.organise.forms import post

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


def path(event: Event, rest: str = "") -> str:
    return f"/organise/events/{event.pk}/codes/{rest}"


def fields(now: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "text": "club-",
        "number": "3",
        "cap": "2",
        "category": "",
        "valid_from": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "valid_until": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M}",
        **changes,
    }


def make(event: Event, user: User, now: datetime, text: str = "CLUB", **rules: Any) -> PresaleCode:
    times = {"valid_from": now - timedelta(hours=1), "valid_until": now + timedelta(days=1)}
    given = CodeRules(**{**times, **rules})
    made = make_codes(event_id=event.pk, user=user, text=text, number=1, rules=given, now=now)
    return made[0]


def test_makes_many_once_however_often_the_form_is_sent(
    client_as: ClientAs, event: Event, alice: User, now: datetime
) -> None:
    key = uuid4().hex
    for _ in range(2):
        answer = post(client_as(alice), path(event), key, **fields(now))
        assert answer.status_code == 302
    made = PresaleCode.objects.all()
    assert made.count() == 3
    assert {(code.event, code.cap, code.category, code.code[:5]) for code in made} == {
        (event, 2, None, "CLUB-")
    }
    assert {len(code.code) for code in made} == {13}
    assert AuditEntry.objects.get(action="codes.made").changes["number"] == [None, 3]


def test_makes_the_one_code_that_is_named(
    client_as: ClientAs, event: Event, alice: User, now: datetime
) -> None:
    stalls = event.categories.order_by("position").first()
    assert stalls
    given = fields(now, text="fan club", number="1")
    assert post(client_as(alice), path(event), **given).status_code == 400
    given = fields(now, text="fanclub", number="1", category=str(stalls.pk), cap="")
    assert post(client_as(alice), path(event), **given).status_code == 302
    made = PresaleCode.objects.get()
    assert (made.code, made.category, made.cap) == ("FANCLUB", stalls, None)
    again = post(client_as(alice), path(event), **given)
    assert "has the code FANCLUB already" in again.content.decode()
    assert PresaleCode.objects.count() == 1


@pytest.mark.parametrize(
    "bad",
    [{"number": "0"}, {"number": "2001"}, {"cap": "0"}, {"valid_until": "2026-01-01T10:00"}],
)
def test_refuses_what_can_be_no_code(
    client_as: ClientAs, event: Event, alice: User, now: datetime, bad: dict[str, str]
) -> None:
    answer = post(client_as(alice), path(event), **fields(now, **bad))
    assert answer.status_code == 400
    assert 'class="wrong"' in answer.content.decode()
    assert not PresaleCode.objects.exists()


def test_refuses_a_category_of_another_event(
    client_as: ClientAs, acme: Organisation, event: Event, alice: User, now: datetime
) -> None:
    other = make_event(acme, name="Other").categories.first()
    assert other
    answer = post(client_as(alice), path(event), **fields(now, category=str(other.pk)))
    assert answer.status_code == 400
    with pytest.raises(BadCodes, match="no such category"):
        make(event, alice, now, category_id=other.pk)
    assert not PresaleCode.objects.exists()


def test_two_who_make_one_code_make_it_once(event: Event, alice: User, now: datetime) -> None:
    told = at_once([lambda: _made(event, alice, now)] * 2)
    assert set(told) == {False, True}
    assert PresaleCode.objects.count() == 1


def _made(event: Event, user: User, now: datetime) -> bool:
    try:
        make(event, user, now)
    except BadCodes:
        return False
    return True


def test_lists_what_went_under_each(
    client_as: ClientAs, event: Event, seats: list[Seat], alice: User, fay: User, now: datetime
) -> None:
    code = make(event, alice, now, cap=4)
    make(event, alice, now, "OTHER")
    buy(seats[0], fay, code="club")
    hold([seats[1]], fay, code="club")
    page = client_as(alice).get(path(event), {"q": "cl"}).content.decode()
    assert "CLUB" in page
    assert "OTHER" not in page
    text = client_as(alice).get(f"/organise/events/{event.pk}/codes.csv").getvalue().decode()
    rows = {row["code"]: row for row in csv.DictReader(text.lstrip("\ufeff").splitlines())}
    assert (rows["CLUB"]["sold"], rows["CLUB"]["held"], rows["CLUB"]["cap"]) == ("1", "1", "4")
    assert (rows["OTHER"]["sold"], rows["OTHER"]["cap"]) == ("0", "")
    assert code.pk


def test_a_long_list_comes_page_by_page(
    client_as: ClientAs, event: Event, alice: User, now: datetime
) -> None:
    post(client_as(alice), path(event), **fields(now, number="250"))
    seen: set[str] = set()
    after = ""
    for _ in range(3):
        page = client_as(alice).get(path(event), {"after": after}).context["page"]
        seen |= {line.code.code for line in page.lines}
        after = page.following
    assert (len(seen), after) == (250, "")


def test_a_withdrawn_code_opens_nothing_and_what_is_held_under_it_is_paid(
    client_as: ClientAs, event: Event, seats: list[Seat], alice: User, fay: User, now: datetime
) -> None:
    code, other = make(event, alice, now), make(event, alice, now, "OTHER")
    held = hold([seats[0]], fay, code="CLUB")
    answer = client_as(alice).post(path(event, "withdraw/"), {"code": [code.pk]})
    assert answer.status_code == 302
    code.refresh_from_db()
    other.refresh_from_db()
    assert code.disabled_at
    assert other.disabled_at is None
    with pytest.raises(CodeRequired, match="withdrawn"):
        hold([seats[1]], fay, code="CLUB")
    assert Hold.objects.get().pk == held.pk  # what she had is still hers
    pay(held, fay)
    assert Order.objects.get().state == "paid"
    client_as(alice).post(path(event, "withdraw/"), {"code": [code.pk], "do": "renew"})
    code.refresh_from_db()
    assert code.disabled_at is None
    acts = AuditEntry.objects.filter(action__startswith="codes.").values_list("action", flat=True)
    assert sorted(acts) == ["codes.made", "codes.made", "codes.renewed", "codes.withdrawn"]


def test_keeps_a_category_for_codes(
    client_as: ClientAs, event: Event, seat: Seat, alice: User, fay: User, now: datetime
) -> None:
    client_as(alice).post(path(event, "categories/"), {"category": [seat.category_id]})
    make(event, alice, now, category_id=seat.category_id)
    with pytest.raises(CodeRequired):
        buy(seat, fay)
    buy(seat, fay, code="club")
    client_as(alice).post(path(event, "categories/"), {})
    assert not event.categories.filter(code_required=True).exists()


def test_others_see_and_change_nothing(
    client_as: ClientAs,
    acme: Organisation,
    event: Event,
    alice: User,
    bob: User,
    charlie: User,
    fay: User,
    now: datetime,
) -> None:
    code = make(event, alice, now)
    vera = make_member("vera", acme, Role.VIEWER)
    before = (PresaleCode.objects.values().get(), AuditEntry.objects.count())
    for user, seen, changed in (
        (bob, 200, 403),
        (vera, 403, 403),
        (charlie, 404, 404),
        (fay, 403, 403),
    ):
        client = client_as(user)
        for address in (path(event), f"/organise/events/{event.pk}/codes.csv"):
            assert client.get(address).status_code == seen, (user, address)
        assert post(client, path(event), **fields(now)).status_code == changed, user
        page = client.get(f"/organise/events/{event.pk}/reports/").content.decode()
        assert (path(event) in page) == (seen == 200), "the tab is for who may open it"
        ticked = {"code": [code.pk], "category": []}
        for rest in ("withdraw/", "categories/"):
            assert client.post(path(event, rest), ticked).status_code == changed, user
    theirs = make_event(charlie.memberships.get().organisation, name="Theirs")
    client_as(charlie).post(path(theirs, "withdraw/"), {"code": [code.pk]})
    assert (PresaleCode.objects.values().get(), AuditEntry.objects.count()) == before
