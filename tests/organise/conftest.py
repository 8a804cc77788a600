"""What the walk over the organisers' pages needs of the admin's."""

from __future__ import annotations

from tests.admin.conftest import acmes_rows

__all__ = ["acmes_rows"]
