"""Declared expectations, run by Great Expectations on a pandas frame.

The library is imported here only (some 10 s), in an ephemeral context that writes no
file, with its warnings and progress bars kept in.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pandas as pd

from ml_platform.core.plain_values import json_value
from ml_platform.declarations.expectations import KNOWN_EXPECTATIONS, check_names, named_columns
from ml_platform.declarations.source import Expectation
from ml_platform.sources.checks.exact_numbers import exact_limits, needs_exact_numbers, with_exact_numbers
from ml_platform.sources.checks.results import MAX_FAILING_ROWS, CheckResult, sample_rows

__all__ = ["KNOWN_EXPECTATIONS", "run_expectations"]

_FORMAT = {
    "result_format": "SUMMARY",
    "partial_unexpected_count": MAX_FAILING_ROWS,
    "unexpected_index_column_names": [],
}
_SHOWN = ("observed_value", "element_count", "unexpected_count", "unexpected_percent", "missing_count")


def run_expectations(
    expectations: Sequence[Expectation], frame: pd.DataFrame, key: Sequence[str] = ()
) -> tuple[CheckResult, ...]:
    """Check the rows of a frame by expectations.

    Parameters
    ----------
    key
        Columns that identify a row; failing rows show them beside the columns that the expectation names.

    Returns
    -------
    One result for each expectation, in order, named by `check_names`. An expectation that cannot be evaluated
    (a column is missing, an argument is wrong) has not passed.
    """
    if not expectations:
        return ()
    rows = frame.reset_index(drop=True)
    exact = with_exact_numbers(rows)
    with _contained():
        plain = batch = _open_batch(rows)
        if exact is not rows:
            batch = _open_batch(exact)
        outcomes = [
            _evaluate(batch if needs_exact_numbers(expectation) else plain, expectation, rows)
            for expectation in expectations
        ]
    return tuple(
        _result(name, expectation, outcome, rows, key)
        for name, expectation, outcome in zip(check_names(expectations), expectations, outcomes, strict=True)
    )


@contextmanager
def _contained() -> Iterator[None]:
    """Keep the library's own warnings in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _open_batch(frame: pd.DataFrame) -> Any:
    import great_expectations
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(), progress_bars=ProgressBarsConfig(globally=False)
    )
    context = great_expectations.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("frame").get_batch({"dataframe": frame})


def _evaluate(batch: Any, expectation: Expectation, frame: pd.DataFrame) -> dict[str, Any]:
    """Return the outcome as GE words it; whatever goes wrong inside is an outcome too."""
    from great_expectations.expectations.registry import get_expectation_impl

    try:
        implementation = get_expectation_impl(f"expect_{expectation.expect}")
        expected = implementation(**exact_limits(_arguments(expectation, frame)))
        outcome = batch.validate(expected, result_format=_FORMAT)
    except Exception as error:
        return {"success": False, "problem": _first_line(error)}
    problem = _raised(outcome.exception_info)
    return {"success": outcome.success and problem is None, "problem": problem, **outcome.result}


def _arguments(expectation: Expectation, frame: pd.DataFrame) -> dict[str, Any]:
    """Return the arguments as GE takes them: beside a column of timestamps, texts are instants in UTC."""
    arguments = dict(expectation.args)
    if "row_condition" in arguments:
        arguments["condition_parser"] = "pandas"
    column = arguments.get("column")
    if column in frame.columns and isinstance(frame[column].dtype, pd.DatetimeTZDtype):
        arguments = {name: value if name == "column" else _instants(value) for name, value in arguments.items()}
    return arguments


def _instants(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_instant(item) or item for item in value]
    instant = _instant(value)
    return value if instant is None else instant.isoformat()  # as an object, GE would cut it to its date


def _instant(value: Any) -> pd.Timestamp | None:
    if not isinstance(value, str | date):
        return None
    try:
        instant = pd.Timestamp(value)
    except ValueError:
        return None
    return instant.tz_convert("UTC") if instant.tzinfo else instant.tz_localize("UTC")


def _raised(information: Mapping[str, Any]) -> str | None:
    """Return the message of the first exception inside, which GE gives flat or below the id of a metric."""
    entries = [information, *(entry for entry in information.values() if isinstance(entry, Mapping))]
    for entry in entries:
        if entry.get("raised_exception"):
            return _first_line(entry.get("exception_message") or "it raised an exception")
    return None


def _first_line(problem: object) -> str:
    return " ".join(str(problem).split())[:300]


def _result(
    name: str, expectation: Expectation, outcome: Mapping[str, Any], frame: pd.DataFrame, key: Sequence[str]
) -> CheckResult:
    summary = {"expectation": expectation.expect, "args": json_value(expectation.args)}
    summary |= {shown: json_value(outcome[shown]) for shown in _SHOWN if outcome.get(shown) is not None}
    if not outcome["success"]:
        summary["problem"] = _problem(outcome)
    positions = outcome.get("partial_unexpected_index_list") or []
    shown = [column for column in dict.fromkeys([*key, *named_columns(expectation)]) if column in frame.columns]
    failing = () if outcome["success"] else sample_rows(frame.iloc[positions][shown or list(frame.columns)])
    return CheckResult(name, bool(outcome["success"]), expectation.severity, summary, tuple(failing))


def _problem(outcome: Mapping[str, Any]) -> str:
    if outcome.get("problem"):
        return f"could not be evaluated: {outcome['problem']}"
    if outcome.get("unexpected_count") is not None:
        rows = f" of {outcome['element_count']:,}" if "element_count" in outcome else ""
        return f"failed for {outcome['unexpected_count']:,}{rows} rows"
    return f"failed: found {json_value(outcome.get('observed_value'))}"
