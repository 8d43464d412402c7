"""Point-in-time look-up: the values of a feature table that could be read at given instants.

This is the one way from feature tables to rows, for training, batch scoring and serving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import ibis

from ml_platform.clock import MICROSECOND
from ml_platform.engine.functions import epoch_us, floor_divide
from ml_platform.features.values import VALID_FROM
from ml_platform.spec.feature_table import FeatureTableSpec

_SECOND = timedelta(seconds=1) // MICROSECOND


def tick_of(instant: Any, spec: FeatureTableSpec) -> Any:
    """Return the refresh tick that can be read at an instant, for Ibis; `ml_platform.clock.tick_at` is its twin.

    Instants and ticks are int64 microseconds since 1970 UTC.
    """
    step = ibis.literal(spec.refresh // MICROSECOND, "int64")
    published = instant - ibis.literal(spec.publish_delay // MICROSECOND, "int64")
    return floor_divide(published, step) * step


def features_at(
    log: Any, spec: FeatureTableSpec, points: Any, *, keys: Mapping[str, str], instant: str, columns: Sequence[str]
) -> Any:
    """Return the points with the values of a feature table as they could be read at each point.

    Parameters
    ----------
    log
        The feature table's log (`feature_log`).
    points
        One row for each question: an entity's key and an instant in int64 microseconds, beside any other columns.
    keys
        The column of `points` that holds each key column of the table.
    instant
        The column of `points` that holds the instant.
    columns
        The features to look up; they are called ``table.column``.

    Returns
    -------
    The points, one row each, in no particular order. An entity that has never been seen, or whose key is null, has
    count 0 and sum 0, and null for the rest. Time since the last row is in seconds, up to the tick.
    """
    tick = tick_of(points[instant], spec)
    questions = points.mutate(_tick=tick)
    answers = log.select(
        **{f"_key_{key}": log[key] for key in keys},
        **{f"_value_{column}": log[column] for column in columns},
        _from=epoch_us(log[VALID_FROM]),
    )
    same = [questions[asked] == answers[f"_key_{key}"] for key, asked in keys.items()]
    found = questions.asof_join(answers, on=questions["_tick"] >= answers["_from"], predicates=same)
    values = {f"{spec.name}.{column}": _value(found, spec, column) for column in columns}
    return found.select(*points.columns, **values)


def _value(found: Any, spec: FeatureTableSpec, column: str) -> Any:
    value = found[f"_value_{column}"]
    aggregate = spec.features[spec.columns[column][0]].aggregate
    if aggregate in ("count", "sum"):
        return value.fill_null(ibis.literal(0).cast(value.type()))
    if aggregate == "time_since_last":
        return (found["_tick"] - epoch_us(value)).cast("float64") / float(_SECOND)
    return value
