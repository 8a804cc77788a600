"""Walk through the whole API, as a fan and as the box office: plain Python, nothing to install.

    API=http://127.0.0.1:8000/api/v1 STAFF=boxoffice@aurora-live.example:PASSWORD \\
        MANAGER=owner@aurora-live.example:PASSWORD python3 docs/api_walk.py "winter gala"

Makes a new fan, who looks, holds, pays, changes her mind and goes in; prints each request and its
answer's status. Against `make demo` the event's test payments are real enough; `make demo` prints
the password.
"""

import datetime
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

API = os.environ.get("API", "http://127.0.0.1:8000/api/v1")


class Client:
    """Somebody who uses the API."""

    def __init__(self, name):
        self.name = name
        self.token = None
        self.queue_pass = None

    def ask(self, method, path, body=None, *, expect, key=None):
        """Send a request and return its answer: JSON, or the bytes of a file.

        `key` is the Idempotency-Key that every request needs that sells: a random text, kept by
        the client to repeat the request with it if no answer comes. Stops the walk when the
        status is not the expected one.
        """
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        if self.queue_pass:
            headers["Queue-Pass"] = self.queue_pass
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(API + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, kind, content = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            status, kind, content = error.code, error.headers, error.read()
        print(f"{self.name:>6}  {method:6} {path}  ->  {status}")
        if status != expect:
            sys.exit(f"Expected {expect}. The answer was: {content.decode(errors='replace')}")
        json_ = "json" in (kind.get("Content-Type") or "")
        return json.loads(content) if json_ else content

    def log_in(self, email, password):
        """Exchange a password for a token, sent with every request from now on."""
        asked = {"email": email, "password": password}
        self.token = self.ask("POST", "/auth/token", asked, expect=200)["token"]


def new_key():
    """Return an Idempotency-Key."""
    return secrets.token_urlsafe(16)


def look(fan, words):
    """Find an event, its chart, and which seats are free; return the event and their ids."""
    found = fan.ask("GET", "/events/?" + urllib.parse.urlencode({"q": words}), expect=200)
    event = found["results"][0]
    fan.ask("GET", f"/events/{event['id']}/", expect=200)
    plan = fan.ask("GET", f"/events/{event['id']}/plan/", expect=200)
    rows = [row for section in plan["sections"] for row in section["rows"]]
    seats = [seat["id"] for row in rows for seat in row["seats"]]
    watched = fan.ask("GET", f"/events/{event['id']}/availability/", expect=200)
    gone = {each["seat"] for each in watched["changed"] if each["status"] != "available"}
    fan.ask("GET", f"/events/{event['id']}/availability/?since={watched['cursor']}", expect=200)
    return event, [seat for seat in seats if seat not in gone]


def wait(fan, event):
    """Wait until it is the fan's turn, where the event has a waiting room, and keep the pass."""
    if not event["has_waiting_room"]:
        return
    path = f"/events/{event['id']}/queue/"
    place = fan.ask("POST", path, expect=201)
    while not place["pass"]:
        # A client that has time waits for as long as the answer's Retry-After says.
        time.sleep(1)
        place = fan.ask("GET", f"{path}{place['ticket']}/", expect=200)
    fan.queue_pass = place["pass"]["token"]


def enlist(fan):
    """Wait for a seat of an event that is sold out and has a waitlist, and think again."""
    found = fan.ask("GET", "/events/", expect=200)["results"]
    for event in [each for each in found if each["has_waitlist"]]:
        path = f"/events/{event['id']}/waitlist/"
        fan.ask("POST", path, {"quantity": 2}, expect=201)
        fan.ask("GET", path, expect=200)
        fan.ask("DELETE", path, expect=204)


def hold(fan, event, free):
    """Hold two seats, think again, and hold the best two that there are; return that hold."""
    path = f"/events/{event['id']}/holds/"
    first = fan.ask("POST", path, {"seats": free[:2]}, expect=201, key=new_key())
    fan.ask("DELETE", f"/holds/{first['id']}/", expect=204)
    best = {"best_available": {"quantity": 2}}
    kept = fan.ask("POST", path, best, expect=201, key=new_key())
    fan.ask("POST", f"/holds/{kept['id']}/extend/", expect=200)
    fan.ask("GET", f"/holds/{kept['id']}/", expect=200)
    return kept


def pay(fan, kept):
    """Order what is held; a card that is refused leaves the hold as it is. Return the order."""
    asked = {"hold": kept["id"], "payment": {"provider": "test", "token": "tok_refused"}}
    fan.ask("POST", "/orders/", asked, expect=402, key=new_key())
    asked["payment"]["token"] = "tok_ok"
    key = new_key()
    order = fan.ask("POST", "/orders/", asked, expect=201, key=key)
    again = fan.ask("POST", "/orders/", asked, expect=201, key=key)
    assert order == again, "repeated with its key, a request has its first answer"
    fan.ask("GET", f"/orders/{order['id']}/", expect=200)
    return order


def show(fan, ticket):
    """Look at a ticket in each of its forms, and have a new code made; return that one."""
    path = f"/tickets/{ticket['id']}/"
    before = fan.ask("GET", path, expect=200)
    assert fan.ask("GET", path + "qr.svg", expect=200).startswith(b"<svg")
    assert fan.ask("GET", path + "ticket.pdf", expect=200).startswith(b"%PDF")
    after = fan.ask("POST", path + "reissue/", expect=200)
    assert before["code"] != after["code"]
    return after


def go_in(staff, event, ticket):
    """Scan a ticket at the door, twice."""
    staff.ask("GET", "/organiser/scan/keys/", expect=200)
    staff.ask("GET", f"/organiser/events/{event['id']}/refused-tickets/", expect=200)
    shown = {"code": ticket["code"], "event": event["id"], "gate": "West"}
    staff.ask("POST", "/organiser/scan/", shown, expect=200, key=new_key())
    refused = staff.ask("POST", "/organiser/scan/", shown, expect=409, key=new_key())
    assert refused["code"] == "already-admitted", refused
    report_later(staff, event, ticket)


def report_later(staff, event, ticket):
    """Scan without a connection: fetch what is needed first, report afterwards, twice."""
    path = f"/organiser/events/{event['id']}/"
    known = staff.ask("GET", path + "door-tickets/", expect=200)
    staff.ask("GET", path + f"door-tickets/?since={known['cursor']}", expect=200)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    seen = {"id": str(uuid.uuid4()), "code": ticket["code"], "at": now, "told": "admitted"}
    report = {
        "scanner": {"id": str(uuid.uuid4()), "name": "East 1", "time": now, "waiting": 0},
        "gate": "East",
        "scans": [seen],
    }
    told = staff.ask("POST", path + "scans/", report, expect=200)
    again = staff.ask("POST", path + "scans/", report, expect=200)
    assert told["scans"] == again["scans"], "a report that is repeated changes nothing"
    assert told["scans"][0]["conflict"], "she had come in at the west gate"


def organise(manager, staff, event):
    """Make a venue, an event, a copy of one that has seats; block some; sell, pause, cancel."""
    name = f"The Loft {secrets.token_hex(3)}"
    manager.ask("GET", "/organiser/venues/", expect=200)
    venue = manager.ask("POST", "/organiser/venues/", {"name": name}, expect=201)
    on = datetime.datetime.now(datetime.UTC)
    days = [on + datetime.timedelta(days=days) for days in (60, 1, 59)]
    times = dict(zip(("starts_at", "on_sale_at", "off_sale_at"), map(str, days), strict=True))
    draft = {"venue": venue["id"], "name": "Late Show", "currency": "EUR", **times}
    path = (
        f"/organiser/events/{manager.ask('POST', '/organiser/events/', draft, expect=201)['id']}/"
    )
    manager.ask("PATCH", path, {"limit_per_fan": 2}, expect=200)
    manager.ask("GET", path, expect=200)
    manager.ask("GET", "/organiser/events/", expect=200)
    refused = manager.ask("POST", path + "publish/", expect=409)
    assert refused["code"] == "not-ready", "it has no seats"

    path = f"/organiser/events/{event['id']}/"
    made = manager.ask("POST", path + "duplicate/", {"name": "Once more", **times}, expect=202)
    until_done(manager, made["job"])
    path = f"/organiser/events/{made['event']['id']}/"
    seat = manager.ask("GET", path + "seats/?limit=1", expect=200)["results"][0]
    change = {"filter": {"seats": [seat["id"]]}, "set": {"blocked": True, "reason": "Camera"}}
    job = manager.ask("PATCH", path + "seats/", change, expect=200)
    told = manager.ask("GET", f"/organiser/jobs/{job['id']}/results/", expect=200)
    assert told["results"][0]["outcome"] == "changed"
    presell(manager, path)
    line_up(manager, staff, path)
    for move in ("publish", "pause", "resume", "close", "cancel"):
        manager.ask("POST", f"{path}{move}/", expect=200)
    until_done(manager, manager.ask("POST", path + "refunds/", expect=202))


def presell(manager, path):
    """Make codes for the fan club, and withdraw one."""
    now = datetime.datetime.now(datetime.UTC)
    until = now + datetime.timedelta(hours=12)
    wanted = {"text": "CLUB-", "number": 2, "cap": 4}
    wanted |= {"valid_from": str(now), "valid_until": str(until)}
    path += "presale-codes/"
    made = manager.ask("POST", path, wanted, expect=201)["results"]
    manager.ask("POST", path + "withdraw/", {"codes": [made[0]["id"]]}, expect=200)
    listed = manager.ask("GET", path, expect=200)["results"]
    assert sum(code["withdrawn_at"] is not None for code in listed) == 1, listed


def line_up(manager, staff, path):
    """Set up a waiting room and a waitlist; the seed of a draw is nobody's before the sale."""
    room = manager.ask("PATCH", path + "queue/", {"is_on": True, "rate_per_minute": 50}, expect=200)
    assert room["draw"]["seed"] is None, room
    manager.ask("PATCH", path + "queue/", {"is_on": False}, expect=200)
    manager.ask("GET", path + "queue/", expect=200)
    manager.ask("PATCH", path + "waitlist/", {"is_on": True, "order": "lottery"}, expect=200)
    manager.ask("GET", path + "waitlist/", expect=200)
    staff.ask("GET", path + "waitlist/entries/", expect=200)


def until_done(manager, job):
    """Ask for a job until it is over."""
    while True:
        found = manager.ask("GET", f"/organiser/jobs/{job['id']}/", expect=200)
        if found["state"] not in ("waiting", "running"):
            return
        time.sleep(1)


def buy_as_guest(event, free):
    """Buy a seat with an e-mail address alone; the ticket is sent there."""
    guest = Client("guest")
    named = {"email": f"guest-{secrets.token_hex(6)}@example.com", "name": "Gus Guest"}
    guest.token = guest.ask("POST", "/auth/guest", named, expect=200)["token"]
    wait(guest, event)
    path = f"/events/{event['id']}/purchases/"
    guest.ask("POST", path, {"seat": free[-2]}, expect=201, key=new_key())
    guest.ask("GET", "/orders/", expect=403)


def hook(manager):
    """Have another system told what happens; nobody listens at this address."""
    wanted = {"url": "https://hooks.example.com/worldseat", "event_types": ["order.paid"]}
    made = manager.ask("POST", "/organiser/webhooks/", wanted, expect=201)
    assert made["secret"].startswith("whsec_")
    path = f"/organiser/webhooks/{made['id']}/"
    manager.ask("GET", "/organiser/webhooks/", expect=200)
    manager.ask("GET", path, expect=200)
    sent = manager.ask("POST", path + "ping/", expect=202)
    manager.ask("GET", path + "deliveries/", expect=200)
    manager.ask("POST", path + f"deliveries/{sent['id']}/redeliver/", expect=202)
    manager.ask("PATCH", path, {"enabled": False}, expect=200)
    refused = manager.ask("POST", path + "ping/", expect=409)
    assert refused["code"] == "webhook-disabled", refused
    manager.ask("POST", path + "secret/", expect=200)
    manager.ask("DELETE", path, expect=204)


def walk(words, staff_email, staff_password, manager_email, manager_password):
    """Do it all."""
    fan, staff, manager = Client("fan"), Client("staff"), Client("manager")
    email, password = f"walker-{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(16)
    account = {"email": email, "password": password, "name": "Wanda Walker"}
    fan.ask("POST", "/auth/register", account, expect=201)
    fan.log_in(email, password)
    fan.ask("GET", "/me/", expect=200)
    event, free = look(fan, words)
    wait(fan, event)
    enlist(fan)

    order = pay(fan, hold(fan, event, free))
    ticket = show(fan, order["tickets"][0])
    other = {"seat": free[-1]}
    path = f"/tickets/{order['tickets'][1]['id']}/exchange/"
    fan.ask("POST", path, other, expect=201, key=new_key())

    seat = {"seat": free[-2]}
    whole = fan.ask("POST", f"/events/{event['id']}/purchases/", seat, expect=201, key=new_key())
    staff.log_in(staff_email, staff_password)
    path = f"/organiser/tickets/{whole['tickets'][0]['id']}/exchange/"
    staff.ask("POST", path, {"seat": free[-3]}, expect=201, key=new_key())
    fan.ask("POST", f"/orders/{whole['id']}/cancel/", expect=200)
    go_in(staff, event, ticket)
    back = {"amount": 100, "reason": "The sound was poor"}
    staff.ask("POST", f"/organiser/orders/{order['id']}/refund/", back, expect=201, key=new_key())
    report = staff.ask("GET", f"/organiser/events/{event['id']}/report/", expect=200)
    assert report["total"]["net"] == report["ledger"], report
    staff.ask("GET", f"/organiser/events/{event['id']}/orders.csv", expect=200)
    fan.ask("GET", "/orders/", expect=200)
    manager.log_in(manager_email, manager_password)
    organise(manager, staff, event)
    buy_as_guest(event, free)
    hook(manager)
    for client in (fan, staff, manager):
        client.ask("POST", "/auth/logout", expect=204)
        client.ask("GET", "/me/", expect=401)


if __name__ == "__main__":
    walk(
        sys.argv[1] if len(sys.argv) > 1 else "gala",
        *os.environ["STAFF"].split(":", 1),
        *os.environ["MANAGER"].split(":", 1),
    )
