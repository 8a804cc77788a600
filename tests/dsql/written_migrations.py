"""Write what `sqlmigrate` writes of every migration of every installed app, as one JSON object.

Run with the settings of a project: `python -m tests.dsql.written_migrations`.
"""

from __future__ import annotations

import json

import django
from django.db import connection
from django.db.migrations.loader import MigrationLoader


def main() -> None:
    """Print the SQL by migration."""
    django.setup()
    loader = MigrationLoader(connection, replace_migrations=False)
    nodes = loader.graph.nodes
    written = {
        ".".join(key): "\n".join(loader.collect_sql([(nodes[key], False)]))
        for key in sorted(loader.disk_migrations)
        if key in nodes
    }
    print(json.dumps(written))


if __name__ == "__main__":
    main()
