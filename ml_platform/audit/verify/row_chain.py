"""Holding every row of the database against the row log, the row log against itself, and both against the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

import ml_platform.audit.verify.every_table  # noqa: F401  (a table that is not imported is not checked)
from ml_platform.audit.verify.findings import Damage, State
from ml_platform.project import Project
from ml_platform.storage.append_only import is_guarded
from ml_platform.storage.ledger.lines import LEDGER
from ml_platform.storage.raw_rows import raw_rows
from ml_platform.storage.row_log import BEGINNING, ROW_LOG, bound_tables, line_hash, logged_rows, row_problem

_RESTORE = "Restore the database from a copy, and ask the people with write access."
_LINE = "the record of a row's change"
_PAGES = 20


def page_damages(project: Project) -> Iterator[Damage]:
    """Yield what SQLite itself finds wrong with its file: pages that cannot be read, indexes that miss rows."""
    if project.database.engine.dialect.name != "sqlite":
        return
    with project.database.reading() as connection:
        for problem in connection.exec_driver_sql(f"PRAGMA integrity_check({_PAGES})").scalars():
            if problem != "ok":
                was = "a page of the database"
                yield Damage("damaged", "database", "platform.sqlite", was, str(problem), _RESTORE)


def row_log_damages(project: Project) -> Iterator[Damage]:
    """Yield each line of the row log that was changed, removed or added, and each head that the ledger knows better."""
    with project.database.snapshot() as connection:
        if not is_guarded(connection, ROW_LOG):
            problem = "the triggers are missing: lines can be changed"
            yield Damage(
                "missing", "row log", "its triggers", "the append-only triggers of the row log", problem, _RESTORE
            )
        yield from _chain(connection)
        yield from _heads(connection)


def _chain(connection: sa.Connection) -> Iterator[Damage]:
    before, hash = 0, BEGINNING
    columns = [ROW_LOG.c[name] for name in ("seq", "table_name", "key", "row", "hash")]
    query = sa.select(*columns).order_by(ROW_LOG.c.seq)
    for seq, table, key, row, stored_hash in connection.execution_options(yield_per=1000).execute(query):
        where = f"line {seq}"
        if seq != before + 1:
            problem = f"it does not follow from line {before}: a line was removed or added"
            yield Damage("damaged", "row log", where, _LINE, problem, _RESTORE)
        elif _hash(hash, seq, table, key, row) != stored_hash:
            problem = f"its hash does not match line {before} and its content: one of them was changed"
            yield Damage("damaged", "row log", where, f"{_LINE} in {table}, {key}", problem, _RESTORE)
        before, hash = seq, stored_hash


def _hash(previous: object, seq: int, table: object, key: object, row: object) -> str:
    try:
        return line_hash(previous, seq, table, key, row)  # type: ignore[arg-type]
    except TypeError:  # bytes where a text was written
        return ""


def _heads(connection: sa.Connection) -> Iterator[Damage]:
    """Hold what each ledger line carries of the row log against the row log."""
    columns = [LEDGER.c.seq, LEDGER.c.rows_seq, LEDGER.c.rows_hash, ROW_LOG.c.hash]
    query = sa.select(*columns).select_from(LEDGER.outerjoin(ROW_LOG, ROW_LOG.c.seq == LEDGER.c.rows_seq))
    for seq, rows, expected, actual in connection.execute(query.order_by(LEDGER.c.seq)):
        if rows and actual != expected:
            problem = f"its hash is {str(actual)[:12]}, and line {seq} of the ledger has {str(expected)[:12]}"
            problem = f"{problem}: the row log was truncated or rewritten"
            was = "the head of the row log when a line of the ledger was written"
            state: State = "missing" if actual is None else "damaged"
            yield Damage(state, "row log", f"line {rows}", was, problem, _RESTORE)


def bound_row_damages(project: Project, tables: Iterable[sa.Table] | None = None) -> Iterator[Damage | None]:
    """Yield the damage of each row that the row log binds, None for one that is as it was written.

    Parameters
    ----------
    tables
        Which to check; every bound table by default.
    """
    for table in bound_tables() if tables is None else tables:
        with project.database.snapshot() as connection:
            logged = logged_rows(connection, table)
            for row in raw_rows(connection, table):
                yield _row_damage(table, row.key, row_problem(row.text, logged.pop(row.key, None)))
        for key, line in logged.items():
            problem = row_problem(None, line)
            if problem is not None:
                yield _row_damage(table, key, problem)


def _row_damage(table: sa.Table, key: str, problem: str | None) -> Damage | None:
    if problem is None:
        return None
    return Damage("damaged", "row", f"{table.name} {key}", f"a row of table {table.name}", problem, _RESTORE)
