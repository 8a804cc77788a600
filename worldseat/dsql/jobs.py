"""Asynchronous DDL: index builds and validations are jobs that have to be waited for."""

from __future__ import annotations

import logging
import re
import time
from contextlib import suppress
from typing import Any

from django.db import IntegrityError

__all__ = ["JobFailed", "Jobs", "undo_of"]

logger = logging.getLogger(__name__)

_RUNNING = frozenset({"submitted", "processing"})
_POLL_SECONDS = 0.5

_NAME = r'(?:"[^"]+"|\w+)'
_BUILD = re.compile(
    rf"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+ASYNC\s+(?:IF\s+NOT\s+EXISTS\s+)?({_NAME})\s", re.I
)
_VALIDATION = re.compile(
    rf"\s*ALTER\s+TABLE\s+ASYNC\s+((?:{_NAME}\.)?{_NAME})\s+VALIDATE\s+CONSTRAINT\s+({_NAME})",
    re.I,
)

# Replaced in tests.
_sleep = time.sleep


class JobFailed(IntegrityError):
    """An index build or a validation did not succeed; `details` says why, in the server's words."""

    def __init__(self, what: str, details: str) -> None:
        super().__init__(
            f"{what} failed: {details}. It was removed again, and what the migration did before "
            f"stays. Correct the rows and run migrate again: it goes on from here."
        )
        self.details = details


def undo_of(sql: str) -> str | None:
    """Return what takes back an ASYNC statement whose job failed, None if it is no such one."""
    if build := _BUILD.match(sql):
        return f"DROP INDEX IF EXISTS {build[1]}"
    if validation := _VALIDATION.match(sql):
        return f"ALTER TABLE {validation[1]} DROP CONSTRAINT IF EXISTS {validation[2]}"
    return None


class Jobs:
    """Starts asynchronous statements and waits for what becomes of them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, sql: str, *, what: str) -> None:
        """Run an ASYNC statement and wait for its job. Raises JobFailed."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            # A statement that found nothing to do starts no job.
            row = cursor.fetchone() if cursor.description else None
        if row and row[0]:
            self.wait(row[0], what=what)

    def wait(self, job: str, *, what: str) -> None:
        """Wait for a job. Raises JobFailed."""
        while True:
            with self._connection.cursor() as cursor:
                cursor.execute("CALL sys.wait_for_job(%s)", [job])
                cursor.execute("SELECT status, details FROM sys.jobs WHERE job_id = %s", [job])
                row = cursor.fetchone()
            # Finished jobs are forgotten after a while: the catalog has the last word then.
            status, details = row or ("completed", None)
            if status in _RUNNING:
                _sleep(_POLL_SECONDS)
                continue
            if status != "completed":
                raise JobFailed(what, details or f"the job ended as {status!r}")
            logger.debug("%s: job %s completed", what, job)
            return

    def wait_for_others(self, name: str | None = None) -> None:
        """Wait for jobs that an earlier, interrupted run left: all, or those on one object.

        How they end is for the catalog to say.
        """
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT job_id, status, object_name FROM sys.jobs")
            jobs = [
                (job, target)
                for job, status, target in cursor.fetchall()
                if status in _RUNNING and name in (None, _bare(target))
            ]
        for job, target in jobs:
            logger.info("Waiting for the job %s on %s, which is still running.", job, target)
            with suppress(JobFailed):
                self.wait(job, what=str(target))


def _bare(name: str | None) -> str:
    """Return a name without its schema and its quotes."""
    return (name or "").rpartition(".")[2].strip('"')
