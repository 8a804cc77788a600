"""Which role may do what: the table in docs/accounts.md, tried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Role, User
from accounts.tenancy import organisations_of, roles_at_least
from sales.models import Event, Ticket
from sales.tickets import code_of
from tests.helpers.admission import make_ticket
from tests.helpers.api_calls import ApiAs
from tests.helpers.cast import make_member

pytestmark = pytest.mark.django_db(transaction=True)

O, M, B, V, S = Role.OWNER, Role.MANAGER, Role.BOX_OFFICE, Role.VIEWER, Role.SCANNER  # noqa: E741

MAY: dict[str, set[Role]] = {
    "open the admin": {O, M, B, V},
    "see a draft": {O, M, B, V},
    "change an event": {O, M},
    "see the ledger": {O, M, B},
    "look at a fan's ticket": {O, M, B},
    "refund": {O, M, B},
    "open the door page": {O, M, B, S},
    "scan": {O, M, B, S},
    "know what to refuse at the door": {O, M, B, S},
    "make API keys": {O, M},
    "say who has which role": {O},
}


def attempts(web: Client, api: Any, event: Event, ticket: Ticket) -> dict[str, Callable[[], Any]]:
    draft_page = f"/admin/sales/event/{event.pk}/change/"
    own = Membership.objects.get(user__email="mia@example.com")
    return {
        "open the admin": lambda: web.get("/admin/"),
        "see a draft": lambda: web.get(draft_page),
        "change an event": lambda: web.post(draft_page, {"name": ""}),
        "see the ledger": lambda: web.get("/admin/sales/ledgerentry/"),
        "look at a fan's ticket": lambda: api.get(f"/api/v1/tickets/{ticket.pk}/"),
        "refund": lambda: api.post(
            f"/api/v1/organiser/orders/{ticket.order_id}/refund/",
            {"reason": "Called off", "amount": 1},
            headers={"Idempotency-Key": "1"},
        ),
        "open the door page": lambda: web.get("/door/"),
        "scan": lambda: api.post("/api/v1/organiser/scan/", {"code": code_of(ticket)}),
        "know what to refuse at the door": lambda: api.get(
            f"/api/v1/organiser/events/{ticket.event_id}/refused-tickets/"
        ),
        "make API keys": lambda: web.get("/admin/accounts/apikey/add/"),
        "say who has which role": lambda: web.post(
            f"/admin/accounts/membership/{own.pk}/change/", {"role": ""}
        ),
    }


@pytest.mark.parametrize("role", Role)
def test_may_do_what_the_table_says(
    role: Role,
    draft: Event,
    seats: list[Any],
    fay: User,
    api_as: ApiAs,
    client_as: Callable[[User], Client],
) -> None:
    ticket = make_ticket(seats[0], fay)
    member = make_member("mia", draft.organisation, role)
    tried = attempts(client_as(member), api_as(member), draft, ticket)
    assert set(tried) == set(MAY)
    did = {what for what, attempt in tried.items() if attempt().status_code in (200, 201)}
    assert did == {what for what, roles in MAY.items() if role in roles}


def test_is_no_ladder(acme: Any) -> None:
    assert Role.SCANNER not in roles_at_least(Role.VIEWER)
    assert Role.VIEWER not in roles_at_least(Role.SCANNER)
    assert all(Role.OWNER in roles_at_least(role) for role in Role)
    scanner = make_member("sam", acme, Role.SCANNER)
    assert not organisations_of(scanner).exists()
    assert list(organisations_of(scanner, role=Role.SCANNER)) == [acme]


def test_sends_a_scanner_to_her_door_only(
    acme: Any, draft: Event, client_as: Callable[[User], Client]
) -> None:
    scanner = client_as(make_member("sam", acme, Role.SCANNER))
    page = scanner.get("/door/").content.decode()
    assert '<a href="/door/"' in page
    assert '<a href="/admin/"' not in page
    assert "Secret Show" not in page
    assert scanner.get("/admin/").status_code == 302
