"""`manage.py dbshell`: psql with a token minted now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import client as postgresql

__all__ = ["DatabaseClient"]

# psql reads these from its environment; Django passes on the names it knows only.
_VARIABLES = {
    "hostaddr": "PGHOSTADDR",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "options": "PGOPTIONS",
}


class DatabaseClient(postgresql.DatabaseClient):
    """psql, told what libpq is told by the backend."""

    connection: Any

    def runshell(self, parameters: Iterable[str]) -> None:
        """Run psql; the token goes through the environment, which other users cannot read."""
        self._settings = self.connection.settings_dict
        try:
            self.connection.settings_dict = {
                **self._settings,
                "PASSWORD": self.connection.fresh_connection_params().get("password", ""),
                "NAME": self.connection.get_connection_params()["dbname"],
            }
            super().runshell(parameters)
        finally:
            self.connection.settings_dict = self._settings

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Return psql's command and environment."""
        arguments, env = super().settings_to_cmd_args_env(settings_dict, parameters)
        options = settings_dict["OPTIONS"]
        found = {_VARIABLES[name]: str(options[name]) for name in _VARIABLES if options.get(name)}
        if options.get("iam", True):
            # What the backend asks for when nothing else is said. psql may be older than our libpq,
            # and know no direct negotiation: it is not asked for.
            found = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "system", **found}
        return arguments, {**(env or {}), **found} or None
