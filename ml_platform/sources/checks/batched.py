"""Holding many rows against expectations without having all of them in memory, and without leaving one out.

An expectation about each row by itself sees the new rows; up to `AT_ONCE` rows are in one frame, and beyond that it
sees them in pieces, and its counts are added up. One about all rows together (a mean, uniqueness, an order) sees the
whole source, as it is with the new rows: at once, but only the key and the columns that it names.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_platform.core.engines import DuckDB
from ml_platform.core.frames import exact_frame
from ml_platform.declarations.expectations import OF_COLUMNS, ROW_WISE, check_names, named_columns
from ml_platform.declarations.source import Expectation
from ml_platform.sources.checks.results import MAX_FAILING_ROWS, CheckResult

if TYPE_CHECKING:
    import pandas as pd

RunChecks = Callable[[Sequence[Expectation], "pd.DataFrame"], Sequence[CheckResult]]
AT_ONCE = 1_000_000
_COUNTS = ("element_count", "unexpected_count", "missing_count")


@dataclass(frozen=True)
class Rows:
    """Rows to check.

    Attributes
    ----------
    count
        How many there are.
    batches
        Returns them, from the first one, on every call.
    """

    count: int
    batches: Callable[[], Iterable[pa.RecordBatch]]


def counted_rows(engine: DuckDB, rows: Callable[[], Any]) -> Rows:
    """Return the rows of a query of Ibis, counted, to be checked."""
    query = rows()
    count = engine.run(query.aggregate(n=query.count()))["n"][0].as_py()
    return Rows(int(count), lambda: engine.batches(query))


def sees_new_rows(expected: Expectation) -> bool:
    """Return whether an expectation can be judged on new rows alone: it is about single rows, or about columns."""
    return expected.expect in ROW_WISE or expected.expect in OF_COLUMNS


def check_rows(
    run_checks: RunChecks,
    expectations: Sequence[Expectation],
    new: Rows,
    whole: Callable[[], Rows] | None = None,
    key: Sequence[str] = (),
    at_once: int = AT_ONCE,
) -> tuple[CheckResult, ...]:
    """Return the results of expectations, in order.

    Parameters
    ----------
    new
        The rows that came.
    whole
        Gives all rows of the source with the new ones, the last of each key; they are the new ones by default.
    key
        Columns that failing rows are shown with.
    at_once
        How many rows may be in one frame.
    """
    together = [expected for expected in expectations if not sees_new_rows(expected)]
    if (whole is None or not together) and new.count <= at_once:
        return tuple(run_checks(expectations, _frame(new.batches())))
    rows = whole() if whole is not None and together else new
    single = [expected for expected in expectations if sees_new_rows(expected)]
    of_rows = iter(_about_rows(run_checks, single, new, at_once))
    all_rows = iter(_together_checked(run_checks, together, rows, key, at_once))
    results = [next(of_rows) if sees_new_rows(expected) else next(all_rows) for expected in expectations]
    return tuple(replace(result, name=name) for result, name in zip(results, check_names(expectations), strict=True))


def _about_rows(
    run_checks: RunChecks, expectations: Sequence[Expectation], new: Rows, at_once: int
) -> Sequence[CheckResult]:
    if not expectations:
        return []
    if new.count <= at_once:
        return run_checks(expectations, _frame(new.batches()))
    single = [expected for expected in expectations if expected.expect in ROW_WISE]
    of_single = iter(_in_pieces(run_checks, single, new.batches(), at_once) if single else ())
    return [
        next(of_single) if expected.expect in ROW_WISE else run_checks([expected], _first_frame(new))[0]
        for expected in expectations
    ]


def _together_checked(
    run_checks: RunChecks, expectations: Sequence[Expectation], rows: Rows, key: Sequence[str], at_once: int
) -> Sequence[CheckResult]:
    """Run expectations about all rows together, those of a small source at once."""
    if not expectations:
        return []
    if rows.count <= at_once:
        return _whole(run_checks, expectations, rows, key)
    return [result for expected in expectations for result in _whole(run_checks, [expected], rows, key)]


def _in_pieces(
    run_checks: RunChecks, expectations: Sequence[Expectation], batches: Iterable[pa.RecordBatch], at_once: int
) -> list[CheckResult]:
    """Run expectations about single rows on every row; what is declared as `mostly` is judged by the sums."""
    pieces = [list(run_checks(expectations, frame)) for frame in _frames(batches, at_once)]
    return [
        _together(expected, results) for expected, results in zip(expectations, zip(*pieces, strict=True), strict=True)
    ]


def _together(expected: Expectation, results: Sequence[CheckResult]) -> CheckResult:
    last = results[-1]
    broken = [result for result in results if not result.passed and "unexpected_count" not in result.summary]
    if broken:
        return broken[0]
    counts = {name: sum(int(result.summary.get(name, 0)) for result in results) for name in _COUNTS}
    judged = counts["element_count"] - counts["missing_count"]
    mostly = float(expected.args.get("mostly", 1.0))
    passed = not judged or judged - counts["unexpected_count"] >= mostly * judged
    percent = 100.0 * counts["unexpected_count"] / judged if judged else 0.0
    summary = {**last.summary, **counts, "unexpected_percent": percent, "pieces": len(results)}
    summary.pop("problem", None)
    if passed:
        return replace(last, passed=True, summary=summary, failing_rows=())
    summary["problem"] = f"failed for {counts['unexpected_count']:,} of {counts['element_count']:,} rows"
    rows = list(itertools.islice((row for result in results for row in result.failing_rows), MAX_FAILING_ROWS))
    return replace(last, passed=False, summary=summary, failing_rows=rows)


def _whole(
    run_checks: RunChecks, expectations: Sequence[Expectation], rows: Rows, key: Sequence[str]
) -> list[CheckResult]:
    """Run expectations about all rows together on the key and the columns that they name."""
    conditions = " ".join(str(expected.args.get("row_condition", "")) for expected in expectations)
    named = {*key, *(name for expected in expectations for name in named_columns(expected))}
    needed = (
        batch.select([name for name in batch.schema.names if name in named or name in conditions])
        for batch in rows.batches()
    )
    results = run_checks(expectations, _frame(needed))
    seen = {"frame": f"all {rows.count:,} rows of the source"}
    return [replace(result, summary={**result.summary, **seen}) for result in results]


def _first_frame(rows: Rows) -> Any:
    return _frame(itertools.islice(rows.batches(), 1))


def _frames(batches: Iterable[pa.RecordBatch], at_once: int) -> Iterator[pd.DataFrame]:
    held, count = list[pa.RecordBatch](), 0
    for batch in batches:
        if held and count + batch.num_rows > at_once:
            yield _frame(held)
            held, count = [], 0
        held.append(batch)
        count += batch.num_rows
    if held:
        yield _frame(held)


def _frame(batches: Iterable[pa.RecordBatch]) -> Any:
    return exact_frame(pa.Table.from_batches(list(batches)))
