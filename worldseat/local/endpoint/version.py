"""The version that DSQL says it is, wherever a client may ask."""

from worldseat.local.endpoint.sql import Token

REPORTED = "16.15"
SETTINGS = {"server_version": REPORTED, "server_version_num": "160015"}

# Of the same names as PostgreSQL's own, so that columns are called alike.
INSTALL = f"""
CREATE OR REPLACE FUNCTION sys.version() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT 'PostgreSQL {REPORTED}' $$;
CREATE OR REPLACE FUNCTION sys.current_setting(name text, missing_ok boolean DEFAULT false)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE lower(name)
    {" ".join(f"WHEN '{name}' THEN '{value}'" for name, value in SETTINGS.items())}
    ELSE pg_catalog.current_setting(name, missing_ok) END
$$;
CREATE OR REPLACE VIEW sys.pg_settings AS
    SELECT name, CASE WHEN name IN ({", ".join(f"'{name}'" for name in SETTINGS)})
    THEN sys.current_setting(name) ELSE setting END AS setting, unit, category, short_desc,
    extra_desc, context, vartype, source, min_val, max_val, enumvals, boot_val, reset_val,
    sourcefile, sourceline, pending_restart FROM pg_catalog.pg_settings;
GRANT SELECT ON sys.pg_settings TO PUBLIC;
"""

_FUNCTIONS = ("version", "current_setting")
_VIEW = "pg_settings"


def as_reported(sql: str, words: list[Token]) -> str:
    """Return a query that asks for our version where it asks for PostgreSQL's."""
    out, at = [], 0
    for index, token in enumerate(words):
        called = token.is_word(*_FUNCTIONS) and words[index + 1 : index + 2]
        if not (called and called[0].text == "(") and not token.is_word(_VIEW):
            continue
        start = token.start
        if index and words[index - 1].text == ".":
            if index < 2 or not words[index - 2].is_word("pg_catalog"):
                continue
            start = words[index - 2].start
        elif index + 1 < len(words) and words[index + 1].text == ".":
            continue  # pg_settings.name
        out += [sql[at:start], f"sys.{token.text}"]
        at = token.end
    return "".join(out) + sql[at:]
