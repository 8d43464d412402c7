"""What each source row contributes to each feature, before any window.

Nulls are ignored by every aggregate. Sums are exact: floats are summed as decimals with
six places, whole numbers as they are, so that no result depends on the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis

from ml_platform.engine.functions import half_to_even, instant_of
from ml_platform.expression import parse_expression
from ml_platform.features.source_log import EVENT
from ml_platform.spec.feature_table import Feature, FeatureTableSpec
from ml_platform.spec.resolve import aggregate_type, column_types
from ml_platform.spec.source import ColumnType, SourceSpec

SCALE = 1_000_000
"""Floats are summed in millionths."""

RANK = "_rank"
"""The place of a row among all rows by event, known-at and key; 1 is the first."""

_DECIMAL = "decimal(38, 0)"


@dataclass(frozen=True)
class FeaturePlan:
    """One declared feature with the types that its expression gives.

    Attributes
    ----------
    kind
        The type of the feature's columns.
    scale
        What its totals are counted in: 1 for whole numbers, a million for floats.
    """

    name: str
    feature: Feature
    kind: ColumnType
    scale: int

    @property
    def is_total(self) -> bool:
        """Whether the feature follows from sums over the rows in its window."""
        return not (self.is_newest or self.feature.aggregate in ("min", "max"))

    @property
    def is_newest(self) -> bool:
        """Whether the feature tells something about the newest row in its window."""
        return self.feature.aggregate in ("last", "time_since_last")


def plan_features(spec: FeatureTableSpec, source: SourceSpec) -> list[FeaturePlan]:
    """Return the table's features in declared order, with their types."""
    types = column_types(source)
    return [
        FeaturePlan(name, feature, aggregate_type(spec, feature, source), _scale(feature, types))
        for name, feature in spec.features.items()
    ]


def _scale(feature: Feature, types: Mapping[str, ColumnType]) -> int:
    if feature.aggregate not in ("sum", "mean", "std"):
        return 1
    return SCALE if parse_expression(feature.expression or "").check(types) == "float" else 1


@dataclass(frozen=True)
class Measures:
    """Columns over a source's rows that one feature needs.

    Attributes
    ----------
    totals
        Whole numbers that are summed over the rows in a window.
    best
        What the extreme is wanted of: the value for ``min`` and ``max``, the row's rank for the newest row.
    value
        What the newest row tells: its value for ``last``, when it happened for ``time_since_last``.
    """

    totals: Mapping[str, Any]
    best: Any | None = None
    value: Any | None = None


def measures_of(rows: Any, feature: Feature) -> Measures:
    """Return what each row contributes to a feature.

    Parameters
    ----------
    rows
        Source rows with ``_event`` and ``_rank``.
    """
    kept = parse_expression(feature.where).to_ibis(rows).fill_null(False) if feature.where else ibis.literal(True)
    if feature.aggregate == "count":
        return Measures({"n": kept.cast("int64")})
    if feature.aggregate == "time_since_last":
        return Measures({}, best=ibis.ifelse(kept, rows[RANK], ibis.null("int64")), value=instant_of(rows[EVENT]))
    value = parse_expression(feature.expression or "").to_ibis(rows)
    value = ibis.ifelse(kept, value, ibis.null(value.type()))
    if feature.aggregate in ("min", "max"):
        return Measures({}, best=value)
    if feature.aggregate == "last":
        return Measures({}, best=ibis.ifelse(value.notnull(), rows[RANK], ibis.null("int64")), value=value)
    return Measures(_totals(feature, value))


def _totals(feature: Feature, value: Any) -> dict[str, Any]:
    known = value.notnull().cast("int64")
    if feature.aggregate == "share":
        return {"n": known, "s": value.fill_null(False).cast("int64")}
    whole = _whole(value)
    if feature.aggregate == "std":
        return {"n": known, "s": whole, "q": whole.cast(_DECIMAL) * whole.cast(_DECIMAL)}
    return {"n": known, "s": whole} if feature.aggregate == "mean" else {"s": whole}


def _whole(value: Any) -> Any:
    """Return values as whole numbers: floats in millionths, the half to the even one; null adds nothing."""
    if value.type().is_floating():
        return half_to_even(value * SCALE).cast(_DECIMAL).fill_null(ibis.literal(0).cast(_DECIMAL))
    return value.cast("int64").cast(_DECIMAL).fill_null(ibis.literal(0).cast(_DECIMAL))


def result_of(plan: FeaturePlan, totals: Mapping[str, Any]) -> Any:
    """Return a feature's value from its totals over the rows in a window.

    An empty window has count 0 and sum 0; its mean, share and deviation are null. ``std`` is the deviation of a
    sample, with n - 1 below the line (https://en.wikipedia.org/wiki/Standard_deviation), null for fewer than two rows.
    """
    aggregate, scale = plan.feature.aggregate, plan.scale
    if aggregate == "count":
        return totals["n"].cast("int64")
    if aggregate == "sum":
        return totals["s"].cast("int64") if plan.kind == "int" else totals["s"].cast("float64") / float(scale)
    count = totals["n"].cast("float64")
    if aggregate == "std":
        n, s, q = (totals[name].cast(_DECIMAL) for name in ("n", "s", "q"))
        spread = (n * q - s * s).cast("float64") / (count * (count - 1))
        return ibis.ifelse(n > 1, spread.sqrt() / float(scale), ibis.null("float64"))
    return ibis.ifelse(count > 0, totals["s"].cast("float64") / (count * float(scale)), ibis.null("float64"))
