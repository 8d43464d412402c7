"""The rows of a query with the intervals in which they were known, from those of its inputs.

At every moment the derived rows are what the query gives over the rows of its inputs as they were known at that
moment. So two rows that belong together are one from when the later of them was known until the first of them ends.
A row of a left join is without a partner for as long as none is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ml_platform.core.engines import DuckDB
from ml_platform.declarations.derived_query import JoinedSource, SelectedRows
from ml_platform.sources.source_log import KNOWN, UNTIL
from ml_platform.sources.staging import Staging

_KEPT = "_own_known, _own_until"
_MEETS = "_own_known < right_.r_until AND right_.r_known < _own_until"
_BOTH = "greatest(_own_known, right_.r_known) AS _own_known, least(_own_until, right_.r_until) AS _own_until"


def query_versions(
    engine: DuckDB, staging: Staging, selects: Sequence[SelectedRows], input_rows: Callable[[str, str], Any]
) -> Any:
    """Return the rows of a query with ``_known`` and ``_until``, for Ibis.

    Parameters
    ----------
    input_rows
        Returns the versions of a source (`source_versions`), for Ibis, by its name and a name for the table.
    """
    parts = [_Select(engine, staging, select, number, input_rows).sql() for number, select in enumerate(selects)]
    return engine.view("derived", " UNION ALL ".join(f"({part})" for part in parts))


class _Select:
    """One select. Columns of its inputs are called ``alias.column`` in all tables on the way."""

    def __init__(
        self,
        engine: DuckDB,
        staging: Staging,
        select: SelectedRows,
        number: int,
        input_rows: Callable[[str, str], Any],
    ) -> None:
        self._engine, self._staging, self._select, self._number = engine, staging, select, number
        self._input_rows = input_rows

    def sql(self) -> str:
        first, *others = self._select.inputs
        times = "r_known AS _own_known, r_until AS _own_until"
        rows = f"SELECT * EXCLUDE (r_known, r_until), {times} FROM {self._input(first)}"
        for place, joined in enumerate(others, 1):
            rows = self._left_join(rows, joined, place) if joined.optional else self._join(rows, joined)
        columns = ", ".join(f"{_text(value)} AS {_quoted(name)}" for name, value in self._select.columns.items())
        where = "" if self._select.where is None else f" WHERE {_text(self._select.where)}"
        return f"SELECT {columns}, _own_known AS {KNOWN}, _own_until AS {UNTIL} FROM ({rows}) AS rows_{where}"

    def _input(self, joined: JoinedSource) -> str:
        """Return the name of a view of the versions of an input that count at some moment."""
        name = f"input_{self._number}_{joined.alias}"
        rows = self._input_rows(joined.source, f"{name}_versions")
        columns = {f"{joined.alias}.{column}": rows[column] for column in rows.columns if not column.startswith("_")}
        counted = rows.filter(rows[KNOWN] < rows[UNTIL])
        self._engine.view(name, counted.select(**columns, r_known=counted[KNOWN], r_until=counted[UNTIL]))
        return name

    def _join(self, rows: str, joined: JoinedSource) -> str:
        kept = f"left_.* EXCLUDE ({_KEPT}), right_.* EXCLUDE (r_known, r_until), {_BOTH}"
        return f"SELECT {kept} FROM ({rows}) AS left_ JOIN {self._input(joined)} AS right_ ON {_on(joined)}"

    def _left_join(self, rows: str, joined: JoinedSource, place: int) -> str:
        """Return pairs, and each row of the left alone for the time in which it has no partner."""
        name = f"joined_{self._number}_{place}"
        numbered = f"SELECT *, row_number() OVER () AS _place FROM ({rows}) AS rows_"
        self._staging.keep(name, self._engine.view(f"{name}_rows", numbered))
        right = self._input(joined)
        pairs = f"{name} AS left_ JOIN {right} AS right_ ON {_on(joined)}"
        matched = f"SELECT left_.* EXCLUDE ({_KEPT}, _place), right_.* EXCLUDE (r_known, r_until), {_BOTH} FROM {pairs}"
        alone = f"""
        WITH met AS (SELECT _place, {_BOTH} FROM {pairs}),
        earlier AS (
          SELECT _place, _own_known AS since, max(_own_until) OVER (
            PARTITION BY _place ORDER BY _own_known, _own_until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS ended FROM met
        ),
        ends AS (SELECT _place, max(_own_until) AS ended FROM met GROUP BY _place),
        gaps AS (
          SELECT _place, _own_known AS since, _own_until AS until FROM {name} ANTI JOIN ends USING (_place)
          UNION ALL
          SELECT _place, coalesce(earlier.ended, rows_._own_known), earlier.since
          FROM earlier JOIN {name} AS rows_ USING (_place)
          WHERE coalesce(earlier.ended, rows_._own_known) < earlier.since
          UNION ALL
          SELECT _place, ends.ended, rows_._own_until FROM ends JOIN {name} AS rows_ USING (_place)
          WHERE ends.ended < rows_._own_until
        )
        SELECT rows_.* EXCLUDE ({_KEPT}, _place), gaps.since AS _own_known, gaps.until AS _own_until
        FROM gaps JOIN {name} AS rows_ USING (_place)
        """
        return f"({matched}) UNION ALL BY NAME ({alone})"


def _on(joined: JoinedSource) -> str:
    return f"({_text(joined.condition)}) AND {_MEETS}"


def _text(tree: Any) -> str:
    """Return an expression as SQL over columns called ``alias.column``."""
    from sqlglot import exp

    def flat(node: Any) -> Any:
        return exp.column(f"{node.table}.{node.name}", quoted=True) if isinstance(node, exp.Column) else node

    return str(tree.copy().transform(flat).sql(dialect="duckdb"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
