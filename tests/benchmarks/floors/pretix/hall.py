"""An event of pretix with seats to sell, made through its API as an organiser would."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.benchmarks.floors.pretix.organiser import TOKEN
from tests.benchmarks.floors.pretix.site import Site

__all__ = ["make_hall", "order_requests", "sold"]

_EVENTS = "/api/v1/organizers/bench/events/"


def make_hall(site: Site, port: int, *, seats: int) -> int:
    """Make a live event whose seats are all free; return its product's number."""
    address = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Token {TOKEN}"}
    with httpx.Client(base_url=address, headers=headers, timeout=120) as client:
        plan = _made(client, "/api/v1/organizers/bench/seatingplans/", _plan(seats))
        event = {
            "name": {"en": "Bench"},
            "slug": "bench",
            "currency": "EUR",
            "date_from": "2040-01-01T20:00:00Z",
            "plugins": ["pretix.plugins.manualpayment"],
        }
        _made(client, _EVENTS, event)
        item = {"name": {"en": "Seat"}, "default_price": "45.00", "admission": True, "active": True}
        number: int = _made(client, f"{_EVENTS}bench/items/", item)["id"]
        # Of any size: the seats are the limit. One that is counted is locked by each order.
        quota = {"name": "Seats", "size": None, "items": [number], "variations": []}
        _made(client, f"{_EVENTS}bench/quotas/", quota)
        change = {"seating_plan": plan["id"], "seat_category_mapping": {"All": number}}
        for each in (change, {"live": True}):
            answer = client.patch(f"{_EVENTS}bench/", json=each)
            if answer.is_error:
                raise RuntimeError(f"pretix answered {answer.status_code}: {answer.text}")
    site.execute("VACUUM ANALYZE")
    return number


def _made(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = client.post(path, json=body)
    if answer.status_code != 201:
        raise RuntimeError(f"pretix answered {answer.status_code} to {path}: {answer.text}")
    return answer.json()


def _plan(seats: int) -> dict[str, Any]:
    place = {"x": 0, "y": 0}
    rows = [
        {
            "row_number": str(row),
            "seats": [
                {
                    "seat_guid": f"seat-{number}",
                    "seat_number": str(number % 50),
                    "category": "All",
                    "position": {"x": number % 50 * 10, "y": 0},
                }
                for number in range(row * 50, min(row * 50 + 50, seats))
            ],
            "position": {"x": 0, "y": row * 10},
        }
        for row in range((seats + 49) // 50)
    ]
    layout = {
        "name": "Bench",
        "categories": [{"name": "All", "color": "#808080"}],
        "zones": [{"name": "Hall", "position": place, "rows": rows, "areas": []}],
        "size": {"width": 600, "height": 600},
    }
    return {"name": "Bench", "layout": layout}


def order_requests(item: int, *, seats: int) -> list[str]:
    """Return whole HTTP requests: buyer n orders seat n, and has paid."""
    return [_order(item, seat) for seat in range(seats)]


def _order(item: int, seat: int) -> str:
    body = json.dumps(
        {
            "email": f"bench{seat}@example.com",
            "locale": "en",
            "status": "p",
            "payment_provider": "manual",
            "positions": [{"item": item, "seat": f"seat-{seat}"}],
        }
    )
    return (
        f"POST {_EVENTS}bench/orders/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Token {TOKEN}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def sold(site: Site) -> tuple[int, int, int]:
    """Return how many paid orders there are, how many tickets, and for how many seats."""
    ((orders,),) = site.execute("SELECT count(*) FROM pretixbase_order WHERE status = 'p'")
    ((tickets, seats),) = site.execute(
        "SELECT count(*), count(DISTINCT seat_id) FROM pretixbase_orderposition WHERE NOT canceled"
    )
    return orders, tickets, seats
