"""What its API cannot make: an organiser who takes payments, and a token that may do all."""

from __future__ import annotations

import json

__all__ = ["FIXTURE", "TOKEN"]

TOKEN = "benchmarks" * 6
_ROWS = {
    "organizer": {"name": "Bench", "slug": "bench"},
    "organizer_settingsstore": {"object": 1, "key": "payment_manual__enabled", "value": "True"},
    "saleschannel": {"organizer": 1, "label": "Web", "identifier": "web", "type": "web"},
    "team": {
        "organizer": 1,
        "name": "Bench",
        "all_events": True,
        "all_event_permissions": True,
        "all_organizer_permissions": True,
    },
    "teamapitoken": {"team": 1, "name": "Bench", "token": TOKEN},
}
FIXTURE = json.dumps(
    [{"model": f"pretixbase.{name}", "pk": 1, "fields": fields} for name, fields in _ROWS.items()]
).encode()
