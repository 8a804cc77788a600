"""Do what is asked with a project's settings: `python -m tests.dsql.project`.

Reads requests from standard input, one JSON object a line: `module` (one with `answer(arguments)`),
`arguments`, and the `url` of the database. Prints an object with the `answer`, or the `error`. Each
request has a process of its own, forked from this one, which has imported Django and the apps.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import traceback
from typing import Any

import django
from django.db import connections

from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.url import database_from_url


def main() -> None:
    """Answer until there are no more requests."""
    django.setup()
    logging.disable(logging.WARNING)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            print(json.dumps(_answered(json.loads(line))), flush=True)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            print(json.dumps({"error": "The process has died."}), flush=True)


def _answered(request: dict[str, Any]) -> dict[str, Any]:
    settings = {**connections["default"].settings_dict, **database_from_url(request["url"])}
    connections["default"] = DatabaseWrapper(settings, alias="default")
    try:
        return {"answer": importlib.import_module(request["module"]).answer(request["arguments"])}
    except BaseException:
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    main()
