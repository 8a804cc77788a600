"""The admin's sidebar and its start page's lists, grouped by what somebody wants to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Role
from accounts.tenancy import roles_at_least, roles_in

__all__ = ["GROUPS", "Group", "Place", "sidebar", "tasks"]


@dataclass(frozen=True)
class Place:
    """A page of the organisers', outside the admin: where it is, and who may go there."""

    title: str
    icon: str
    name: str
    role: Role = Role.VIEWER


@dataclass(frozen=True)
class Group:
    """A task: the organisers' pages for it, its lists in the sidebar, and its other lists.

    A list is `app.model`, with an icon in the sidebar.
    """

    title: str
    places: Sequence[Place]
    lists: Mapping[str, str]
    more: Sequence[str]


GROUPS = (
    Group(
        "Events & seats",
        (
            Place("Your events", "event_available", "sales:organise"),
            Place("Halls and plans", "map", "sales:organise-venues"),
        ),
        {
            "sales.event": "event",
            "sales.seat": "event_seat",
            "sales.pricecategory": "sell",
            "sales.presalecode": "key",
            "sales.venue": "stadium",
            "sales.bulkjob": "pending_actions",
        },
        ("sales.pricetype", "sales.seatingplan", "sales.section", "sales.jobbatch"),
    ),
    Group(
        "Orders",
        (Place("Find an order", "search", "sales:organise-orders"),),
        {
            "sales.order": "receipt_long",
            "sales.ticket": "confirmation_number",
            "sales.hold": "hourglass_top",
            "sales.refund": "undo",
        },
        (
            *("sales.heldseat", "sales.payment", "sales.boxofficesale", "sales.ledgerentry"),
            *("sales.ordermail", "sales.mailing", "sales.allowance", "sales.categoryallowance"),
        ),
    ),
    Group(
        "Queues",
        (),
        {"sales.waitingroom": "groups", "sales.waitlist": "playlist_add"},
        ("sales.waitlistentry",),
    ),
    Group(
        "Door",
        (Place("Scan tickets", "qr_code_scanner", "sales:door", Role.SCANNER),),
        {"sales.scan": "how_to_reg", "sales.scanner": "smartphone"},
        ("sales.scanreport",),
    ),
    Group(
        "People",
        (Place("Invite and remove", "group_add", "accounts:people-start"),),
        {
            "accounts.membership": "badge",
            "accounts.organisation": "apartment",
            "accounts.auditentry": "history",
        },
        ("accounts.invitation",),
    ),
    Group(
        "Integrations",
        (Place("Webhooks", "webhook", "sales:organise-webhooks", Role.MANAGER),),
        {"accounts.apikey": "vpn_key"},
        (
            *("sales.webhookendpoint", "sales.webhookdelivery", "sales.webhookattempt"),
            "sales.outboxevent",
        ),
    ),
    Group(
        "Simulations",
        (),
        {"sales.stampede": "bolt"},
        ("sales.stampederegion", "sales.attempt"),
    ),
    Group(
        "Platform",
        (),
        {"accounts.user": "person", "knox.authtoken": "token"},
        ("account.emailaddress", "mfa.authenticator", "sales.storedanswer"),
    ),
)


def sidebar(request: HttpRequest, app_list: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the sidebar as unfold draws it: what the user may open, the page she is on marked."""
    listed = _by_label(app_list)
    start = reverse("admin:index")
    groups: list[dict[str, Any]] = [
        {"items": [_link("Start", "home", start, request.path == start)]}
    ]
    for group in GROUPS:
        items = [
            _link(place.title, place.icon, reverse(place.name), False)
            for place in _open(request, group)
        ]
        for label, icon in group.lists.items():
            if found := listed.get(label):
                here = request.path.startswith(found["admin_url"])
                items.append(_link(_title(found), icon, found["admin_url"], here))
        groups.append({"title": group.title, "items": items})
    return groups


def tasks(request: HttpRequest, app_list: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each task with its pages and all its lists, those that the user may open."""
    listed = _by_label(app_list)
    found = []
    for group in GROUPS:
        labels = [label for label in (*group.lists, *group.more) if label in listed]
        lists = [{**listed[label], "title": _title(listed[label])} for label in labels]
        if lists:
            places = [
                {"title": place.title, "url": reverse(place.name), "icon": place.icon}
                for place in _open(request, group)
            ]
            found.append({"title": group.title, "places": places, "lists": lists})
    return found


def _open(request: HttpRequest, group: Group) -> Iterable[Place]:
    held = set(roles_in(request).values())
    return [place for place in group.places if held & set(roles_at_least(place.role))]


def _title(listed: Mapping[str, Any]) -> str:
    """Return a list's name; not in capitals, and "API" as it is."""
    name = str(listed["name"])
    return name[:1].upper() + name[1:]


def _link(title: str, icon: str, url: str, here: bool) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": url,
        "active": here,
        "has_permission": True,
    }


def _by_label(app_list: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the models that the user may open, by `app.model`."""
    return {
        each["model"]._meta.label_lower: each
        for app in app_list
        for each in app["models"]
        if each.get("admin_url")
    }
