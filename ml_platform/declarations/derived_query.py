"""The query of a derived source: what it may contain, which sources it reads, and which columns each column reads.

Allowed is what has one meaning at every moment: rows of sources that are joined, filtered and computed one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

KNOWN_COLUMN = "known_at"
"""The column of every derived source with when each row was known."""
_EXACT = "duckdb, normalization_strategy=case_sensitive"
_PARTS = {"expressions", "from_", "joins", "where"}
_FUNCTIONS = frozenset(
    [
        *("Abs", "And", "Case", "Cast", "Ceil", "Coalesce", "Concat", "Contains", "Extract", "Floor", "Greatest", "If"),
        *("Least", "Left", "Length", "Lower", "Ln", "Nullif", "Or", "Pow", "Replace", "Right", "Round", "Sqrt"),
        *("StartsWith", "StrPosition", "Substring", "TimestampTrunc", "Trim", "TryCast", "Upper", "Xor"),
    ]
)
"""What sqlglot calls the functions whose result follows from their arguments alone."""
_CALLED = (
    "abs, case, cast, try_cast, ceil, coalesce, concat, contains, date_trunc, extract, floor, greatest, if, least, "
    "left, length, lower, ln, nullif, pow, replace, right, round, sqrt, starts_with, strpos, substring, trim, upper"
)
_TYPES = {"string": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "timestamp": "TIMESTAMPTZ"}
_MAX_BRACKETS, _MAX_DEPTH = 25, 100
"""The parser takes some twenty calls for each bracket, and Python allows a thousand, those of the process included."""
_TOO_DEEP = (
    f"operations are nested too deeply: at most {_MAX_BRACKETS} brackets deep, and {_MAX_DEPTH} in a row. "
    "Compute a part in a derived source of its own"
)
_OPENING, _CLOSING = ("L_PAREN", "L_BRACKET", "L_BRACE", "CASE"), ("R_PAREN", "R_BRACKET", "R_BRACE", "END")
_AGGREGATES = "Aggregates belong to feature tables, whose windows decide which rows count at a moment"


class QueryProblem(ValueError):
    """What is wrong with a query, and what to do."""


@dataclass(frozen=True)
class JoinedSource:
    """A source in the order of the joins.

    Attributes
    ----------
    alias
        What the query calls it.
    optional
        Whether rows before it stay without a row of it: a left join.
    condition
        When rows belong together; None for the first source.
    """

    source: str
    alias: str
    optional: bool
    condition: Any


@dataclass(frozen=True)
class SelectedRows:
    """One ``select``: sources, and the expression of each column, as trees of sqlglot with qualified columns."""

    inputs: tuple[JoinedSource, ...]
    columns: Mapping[str, Any]
    where: Any

    def origins(self, column: str) -> Iterator[tuple[str, str]]:
        """Yield source and column of everything that a column is made of, each once."""
        from sqlglot import exp

        sources = {joined.alias: joined.source for joined in self.inputs}
        for origin in dict.fromkeys((item.table, item.name) for item in self.columns[column].find_all(exp.Column)):
            yield sources[origin[0]], origin[1]


@lru_cache(maxsize=256)
def query_sources(text: str) -> tuple[str, ...]:
    """Return the names of the tables that a query reads, each once; none where it cannot be read."""
    from sqlglot import exp

    try:
        return tuple(dict.fromkeys(table.name for tree in _selects(_tree(text)) for table in tree.find_all(exp.Table)))
    except QueryProblem:
        return ()


def read_query(text: str, sources: Mapping[str, Mapping[str, str]]) -> tuple[SelectedRows, ...]:
    """Return the selects of a query, which ``union all`` puts below each other.

    Parameters
    ----------
    sources
        For each source that may be read, its columns with their types.

    Raises
    ------
    QueryProblem
        Where the query has a construct that is not defined at every moment, or names what is not there.
    """
    selects = [_selected(select, sources) for select in _selects(_tree(text))]
    first = list(selects[0].columns)
    for other in selects[1:]:
        if len(other.columns) != len(first):
            raise QueryProblem(
                f"selects of a union have {len(first)} and {len(other.columns)} columns. Give all the same"
            )
    named = [dict(zip(first, select.columns.values(), strict=True)) for select in selects]
    return tuple(
        SelectedRows(select.inputs, columns, select.where) for select, columns in zip(selects, named, strict=True)
    )


def _tree(text: str) -> Any:
    import sqlglot

    try:
        _require_few_brackets(token.token_type.name for token in sqlglot.tokenize(text, dialect="duckdb"))
        trees = [tree for tree in sqlglot.parse(text, dialect="duckdb") if tree is not None]
    except sqlglot.errors.SqlglotError as error:
        raise QueryProblem(f"cannot be read: {_first_line(error)}. Write one select") from None
    except RecursionError:
        raise QueryProblem(_TOO_DEEP) from None
    if len(trees) != 1:
        raise QueryProblem(f"holds {len(trees)} statements. Write one select")
    _require_shallow(trees[0])
    return trees[0]


def _require_few_brackets(tokens: Iterable[str]) -> None:
    depth = 0
    for token in tokens:
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth > _MAX_BRACKETS:
            raise QueryProblem(_TOO_DEEP)


def _require_shallow(tree: Any) -> None:
    """Raise where a chain of operators is longer than what writes it again can go."""
    level = [tree]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in node.iter_expressions()]
    if level:
        raise QueryProblem(_TOO_DEEP)


def _selects(tree: Any) -> list[Any]:
    from sqlglot import exp

    if isinstance(tree, exp.Union) and not tree.args.get("distinct"):
        _require_parts(tree, {"this", "expression", "distinct"})
        return [*_selects(tree.this), *_selects(tree.expression)]
    if isinstance(tree, exp.SetOperation):
        raise QueryProblem("union, intersect and except compare whole rows. Write union all")
    if not isinstance(tree, exp.Select):
        raise QueryProblem("is no select. Write select ... from ... join ... where ...")
    _require_parts(tree, _PARTS)
    for node in tree.walk():
        _require_allowed(node, tree)
    return [tree]


def _require_parts(tree: Any, allowed: set[str]) -> None:
    for name, part in tree.args.items():
        if part and name not in allowed:
            word = {"group": "group by", "order": "order by", "with_": "with", "windows": "window"}.get(name, name)
            remedy = _AGGREGATES if name in ("group", "having", "qualify", "windows") else "Leave it out"
            if name == "distinct":
                remedy = "Declare a key that distinguishes rows"
            raise QueryProblem(f"{word} has no meaning for rows one by one. {remedy}")


def _require_allowed(node: Any, tree: Any) -> None:
    from sqlglot import exp

    if isinstance(node, exp.Table) and (not isinstance(node.this, exp.Identifier) or node.db):
        raise QueryProblem(f"{node.sql('duckdb')[:60]} is no source. Name sources of the project")
    if isinstance(node, exp.AggFunc | exp.Window):
        raise QueryProblem(f"{node.sql('duckdb')} is made of many rows. {_AGGREGATES}")
    if isinstance(node, exp.Select | exp.SetOperation | exp.Subquery) and node is not tree:
        raise QueryProblem(
            "a query inside the query is not supported. Make it a derived source of its own, and join that"
        )
    if isinstance(node, exp.Func) and type(node).__name__ not in _FUNCTIONS:
        shown = node.sql("duckdb")[:60]
        raise QueryProblem(f"{shown} may differ from moment to moment, or is not known. Known are {_CALLED}")


def _selected(select: Any, sources: Mapping[str, Mapping[str, str]]) -> SelectedRows:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify

    for table in select.find_all(exp.Table):
        _require_source(table, sources)
    for join in select.args.get("joins") or ():
        _require_join(join)
    schema: dict[str, object] = {
        name: {column: _TYPES[kind] for column, kind in columns.items()} for name, columns in sources.items()
    }
    try:
        tree = qualify(select.copy(), schema=schema, dialect=_EXACT)
    except SqlglotError as error:
        raise QueryProblem(
            f"{_first_line(error)}. Name columns of its sources, with the source where several have one"
        ) from None
    first = tree.args["from_"].this
    inputs = [JoinedSource(first.name, first.alias, False, None)]
    for join in tree.args.get("joins") or ():
        condition = join.args.get("on")
        _require_equality(join, condition, {item.alias for item in inputs})
        inputs.append(JoinedSource(join.this.name, join.this.alias, join.side == "LEFT", condition))
    columns: dict[str, Any] = {}
    for item in tree.expressions:
        if item.alias_or_name in columns:
            raise QueryProblem(f"two columns are called {item.alias_or_name}. Give one another name with as")
        columns[item.alias_or_name] = item.unalias()
    where = tree.args.get("where")
    return SelectedRows(tuple(inputs), columns, where.this if where else None)


def _require_source(table: Any, sources: Mapping[str, Any]) -> None:
    from ml_platform.core.errors import suggest

    if table.name not in sources:
        raise QueryProblem(f"there is no source {table.name}. {suggest(table.name, list(sources))}")


def _require_join(join: Any) -> None:
    kind = " ".join(part for part in (join.args.get("method"), join.side, join.kind) if part).lower()
    if kind not in ("", "inner", "left", "left outer") or not (join.args.get("on") or join.args.get("using")):
        shown = f"{kind or 'cross'} join" if kind or not join.args.get("on") else kind
        raise QueryProblem(f"{shown} is not supported. Write join or left join, with using or on")


def _require_equality(join: Any, condition: Any, before: set[str]) -> None:
    """Raise unless a column of the joined source must equal one of a source before it."""
    from sqlglot import exp

    alias = join.this.alias
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    for part in parts:
        part = part.unnest()
        if isinstance(part, exp.EQ):
            sides = [{column.table for column in side.find_all(exp.Column)} for side in (part.this, part.expression)]
            if any(one == {alias} and other and other <= before for one, other in (sides, sides[::-1])):
                return
    raise QueryProblem(f"the join of {join.this.name} has no equality with a source before it. Write on a.key = b.key")


def _first_line(error: Exception) -> str:
    return str(error).replace("\x1b[4m", "").replace("\x1b[0m", "").splitlines()[0].rstrip(".")


def lineage_of(text: str, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Sequence[tuple[str, str]]]:
    """Return, for each column of a query, source and column of everything that it is made of, each once."""
    lineage: dict[str, list[tuple[str, str]]] = {}
    for select in read_query(text, sources):
        for column in select.columns:
            lineage.setdefault(column, []).extend(select.origins(column))
    return {column: tuple(dict.fromkeys(origins)) for column, origins in lineage.items()}
