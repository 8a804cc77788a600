"""The backend's own objects that DSQL has and PostgreSQL lacks, and the catalog's version."""

import fcntl
import mmap
from pathlib import Path

from worldseat.local.endpoint import version
from worldseat.local.endpoint.backend import Backend

_LOCK_KEY = 0x44534C  # any number that only we use: several endpoints start at once

_INSTALL = """
CREATE SCHEMA IF NOT EXISTS sys;
CREATE TABLE IF NOT EXISTS sys.jobs (
    job_id text PRIMARY KEY,
    status text NOT NULL,
    details text,
    job_type text,
    class_id oid,
    object_id oid,
    object_name text,
    start_time timestamptz,
    update_time timestamptz
);
CREATE TABLE IF NOT EXISTS sys.job_statements (
    job_id text PRIMARY KEY,
    statement text NOT NULL,
    search_path text NOT NULL,
    runs int NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS sys.iam_pg_role_mappings (
    pg_role_name text NOT NULL,
    arn text NOT NULL,
    PRIMARY KEY (pg_role_name, arn)
);
-- Where an earlier version of this has made the table.
ALTER TABLE sys.job_statements ADD COLUMN IF NOT EXISTS runs int NOT NULL DEFAULT 0;
DROP FUNCTION IF EXISTS sys.submit_job(text);
CREATE OR REPLACE FUNCTION sys.submit_job(asked text, kind text, name text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    -- 26 characters of base32, as DSQL's
    id text := (SELECT string_agg(substr('abcdefghijklmnopqrstuvwxyz234567',
        1 + floor(random() * 32)::int, 1), '') FROM generate_series(1, 26));
BEGIN
    INSERT INTO sys.jobs (job_id, status, job_type, object_name, start_time, update_time)
    VALUES (id, 'submitted', kind, name, date_trunc('second', now()), date_trunc('second', now()));
    INSERT INTO sys.job_statements (job_id, statement, search_path)
    VALUES (id, asked, current_setting('search_path'));
    RETURN id;
END $$;
CREATE OR REPLACE PROCEDURE sys.wait_for_job(IN job_id text, INOUT succeeded boolean DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    found text;
    pause float := 0.001;
BEGIN
    IF job_id !~ '^[a-z2-7]{26}$' THEN
        RAISE EXCEPTION 'Unable to convert text to UUID' USING ERRCODE = '22P02';
    END IF;
    LOOP
        SELECT status INTO found FROM sys.jobs j WHERE j.job_id = wait_for_job.job_id;
        EXIT WHEN found IS NULL OR found IN ('completed', 'failed');
        COMMIT;
        PERFORM pg_sleep(pause);
        pause := least(1.2 * pause, 0.02);
    END LOOP;
    succeeded := coalesce(found = 'completed', false);
END $$;
CREATE OR REPLACE FUNCTION sys.iam_grant(role_name text, asked text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        RAISE EXCEPTION 'Role "%" does not exist', role_name USING ERRCODE = '42704';
    END IF;
    IF asked !~ '^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:' THEN
        RAISE EXCEPTION 'IAM role must look like an IAM ARN' USING ERRCODE = '22023';
    END IF;
    INSERT INTO sys.iam_pg_role_mappings VALUES (role_name, asked) ON CONFLICT DO NOTHING;
END $$;
CREATE OR REPLACE FUNCTION sys.iam_revoke(role_name text, asked text) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM sys.iam_pg_role_mappings WHERE pg_role_name = role_name AND arn = asked
$$;
GRANT USAGE ON SCHEMA sys TO PUBLIC;
GRANT SELECT ON sys.jobs, sys.iam_pg_role_mappings TO PUBLIC;
"""


async def install(backend: Backend) -> None:
    """Make the schema `sys`, unless it is there. Several endpoints may do so at once."""
    await backend.rows(f"SELECT pg_advisory_lock({_LOCK_KEY})")
    try:
        await backend.rows(_INSTALL + version.INSTALL)
    finally:
        await backend.rows(f"SELECT pg_advisory_unlock({_LOCK_KEY})")


class CatalogVersion:
    """A number that goes up with each change of the catalog, shared by the endpoints' processes.

    It lies in a mapped file, so that a session looks at it before each statement for nothing, and
    a change made through one region is seen in the other before its statement has been answered.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.open("a+b")
        if self._file.seek(0, 2) < 8:
            self._file.write(bytes(8))
            self._file.flush()
        self._map = mmap.mmap(self._file.fileno(), 8)

    @property
    def now(self) -> int:
        """Return the present version."""
        return int.from_bytes(self._map[:8], "little")

    def bump(self) -> int:
        """Count a change and return the new version."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            number = self.now + 1
            self._map[:8] = number.to_bytes(8, "little")
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return number
