"""A ledger as version 0.1.0 wrote it before lines carried hashes: its own statements, word for word."""

from __future__ import annotations

import sqlalchemy as sa

_TABLE = """
CREATE TABLE ledger (
	seq {serial} NOT NULL,
	at VARCHAR(27) NOT NULL,
	actor VARCHAR(200) NOT NULL,
	action VARCHAR(40) NOT NULL,
	ref VARCHAR(200) NOT NULL,
	from_value VARCHAR(200),
	to_value VARCHAR(200),
	reason TEXT NOT NULL,
	facts JSON NOT NULL,
	PRIMARY KEY (seq)
)"""
_REFS = """
CREATE TABLE refs (
	name VARCHAR(200) NOT NULL,
	value VARCHAR(200) NOT NULL,
	moved_at VARCHAR(27) NOT NULL,
	PRIMARY KEY (name)
)"""
_SQLITE = [
    """CREATE TRIGGER ledger_no_update BEFORE update ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER ledger_no_delete BEFORE delete ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
]
_POSTGRESQL = [
    """CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER ledger_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"""
]
LINES = [
    "('2024-01-01T12:30:15.123456Z', 'anna', 'deploy', 'champion/a', NULL, 'v1', 'better', '{\"auc\": 0.7}')",
    "('2024-01-02T00:00:00.000000Z', 'ünal', 'deploy', 'champion/b', NULL, 'w1', 'größer', '{}')",
    "('2024-01-03T00:00:00.000000Z', 'anna', 'deploy', 'champion/a', 'v1', 'v2', 'better', "
    '\'{"figures": {"value": -0.125, "auc": 1.0}, "from_version": null}\')',
]


def write_old_ledger(url: str, lines: int = len(LINES)) -> None:
    """Write tables and lines as that version did."""
    engine = sa.create_engine(url)
    sqlite = engine.dialect.name == "sqlite"
    refs = {"champion/a": [None, "v1", "v1", "v2"][lines], "champion/b": [None, None, "w1", "w1"][lines]}
    with engine.begin() as connection:
        for statement in [_TABLE.format(serial="INTEGER" if sqlite else "SERIAL"), _REFS]:
            connection.exec_driver_sql(statement)
        for statement in _SQLITE if sqlite else _POSTGRESQL:
            connection.exec_driver_sql(statement)
        for line in LINES[:lines]:
            names = "at, actor, action, ref, from_value, to_value, reason, facts"
            connection.exec_driver_sql(f"INSERT INTO ledger ({names}) VALUES {line}")
        for name, value in refs.items():
            if value is not None:
                connection.exec_driver_sql(
                    f"INSERT INTO refs VALUES ('{name}', '{value}', '2024-01-03T00:00:00.000000Z')"
                )
    engine.dispose()
