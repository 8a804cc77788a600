"""What `sqlmigrate` writes of every migration of every installed app."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.loader import MigrationLoader

__all__ = ["answer"]


def answer(arguments: list[str]) -> dict[str, str]:
    """Return the SQL by migration."""
    loader = MigrationLoader(connection, replace_migrations=False)
    nodes = loader.graph.nodes
    return {
        ".".join(key): "\n".join(loader.collect_sql([(nodes[key], False)]))
        for key in sorted(loader.disk_migrations)
        if key in nodes
    }
