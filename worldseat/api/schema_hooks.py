"""What is said of every operation alike, added when its own description is made."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from worldseat.api.problems import MEDIA_TYPE, TITLES, Problem
from worldseat.api.schema import STATUSES

__all__ = ["EXAMPLES", "complete"]

# "POST /api/v1/auth/token" -> status -> body: what docs/api_walk.py was answered, recorded by its
# test (WORLDSEAT_RECORD=1).
EXAMPLES = Path(__file__).resolve().parent / "examples.json"


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the answers and examples that views need not name; a hook of drf-spectacular."""
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if body := operation.get("requestBody"):
                # Without a body, the fields are missing: drf-spectacular knows of some only.
                body["required"] = True
            for scope in _scopes(operation):
                told = f"An API key needs the scope `{scope}`."
                operation["description"] = f"{operation.get('description', '')}\n\n{told}".strip()
            responses = operation["responses"]
            for code in _common(method, operation):
                responses.setdefault(str(STATUSES[code]), _described(code))
            operation["responses"] = dict(sorted(responses.items()))
            for status, body in _examples().get(f"{method.upper()} {path}", {}).items():
                content = responses[status]["content"]["application/json"]
                content.setdefault("examples", {"Answer": {"value": body}})
    return result


def _scopes(operation: dict[str, Any]) -> list[str]:
    return [each for ways in operation.get("security", []) for each in ways.get("apiKey", [])]


def _common(method: str, operation: dict[str, Any]) -> list[str]:
    """Return the codes of what any operation of this kind may answer."""
    codes = ["invalid", "throttled"]  # a parameter that is not known
    if "requestBody" in operation:
        codes += ["body-too-large", "unsupported-media-type"]
    if method != "get" and {"cookieAuth": []} in operation.get("security", []):
        codes.append("permission-denied")  # a session without its CSRF token
    return codes


@cache
def _examples() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text())
    return found


def _described(code: str) -> dict[str, Any]:
    problem = Problem(STATUSES[code], code, "What happened, what was not changed, what to do.")
    return {
        "description": TITLES[code],
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemOut"},
                "examples": {code: {"value": problem.body("/api/v1/...")}},
            }
        },
    }
