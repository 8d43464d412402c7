"""Holding many rows against expectations without having all of them in memory, and without leaving one out.

Up to `AT_ONCE` rows stand in one frame. Beyond that an expectation about each row by itself sees the rows in
pieces, and its counts are added up. One about all rows together (a mean, uniqueness, an order) sees all rows at once,
but only the columns that it names.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_platform.checks import MAX_FAILING_ROWS, CheckResult
from ml_platform.monitoring.known_expectations import OF_COLUMNS, ROW_WISE, check_names, named_columns
from ml_platform.spec.source import Expectation

if TYPE_CHECKING:
    import pandas as pd

RunChecks = Callable[[Sequence[Expectation], "pd.DataFrame"], Sequence[CheckResult]]
AT_ONCE = 1_000_000
_COUNTS = ("element_count", "unexpected_count", "missing_count")


def check_rows(
    run_checks: RunChecks,
    expectations: Sequence[Expectation],
    count: int,
    batches: Callable[[], Iterable[pa.RecordBatch]],
    at_once: int = AT_ONCE,
) -> tuple[CheckResult, ...]:
    """Return the results of expectations, in order.

    Parameters
    ----------
    count
        How many rows there are.
    batches
        Gives the rows anew on every call.
    at_once
        How many rows may stand in one frame.
    """
    if count <= at_once:
        return tuple(run_checks(expectations, _frame(batches())))
    single = [expected for expected in expectations if expected.expect in ROW_WISE]
    found = iter(_in_pieces(run_checks, single, batches(), at_once) if single else ())
    results = [
        next(found) if expected.expect in ROW_WISE else _whole(run_checks, expected, batches())
        for expected in expectations
    ]
    return tuple(replace(result, name=name) for result, name in zip(results, check_names(expectations), strict=True))


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


def _whole(run_checks: RunChecks, expected: Expectation, batches: Iterable[pa.RecordBatch]) -> CheckResult:
    """Run an expectation about all rows together on the columns that it names."""
    if expected.expect in OF_COLUMNS:
        return run_checks([expected], _frame(itertools.islice(batches, 1)))[0]
    condition = str(expected.args.get("row_condition", ""))
    named = named_columns(expected)
    needed = (
        batch.select([name for name in batch.schema.names if name in named or name in condition]) for batch in batches
    )
    [result] = run_checks([expected], _frame(needed))
    return replace(result, summary={**result.summary, "frame": "all rows, the columns that it names"})


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
    return pa.Table.from_batches(list(batches)).to_pandas()
