"""Whether some row meets a condition, or none does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ml_platform.core.expressions import Kind
from ml_platform.declarations.aggregates.feature import Feature
from ml_platform.declarations.aggregates.parts import Merged, PartialAggregate
from ml_platform.declarations.types import ExpressionText

_CONDITION = frozenset[Kind]({"bool"})
_REMEDY = "Write a condition, such as amount > 0"


class AnyRow(Feature):
    """Whether some row meets a condition."""

    name = "any"
    summary = "True where some row meets the condition; else null where it is null for a row; false over no row."
    accepts = _CONDITION
    remedy = _REMEDY
    gives = "bool"

    any: ExpressionText = Field(description="A condition on columns of the source.", examples=["amount > 100"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return how many rows there are, for how many the condition is known, and how many meet it."""
        return _counts(self.any, self.where)

    def value(self, merged: Merged) -> Any:
        """Return the answer."""
        return _some(merged)

    @property
    def formula(self) -> str:
        """What it is, such as ``any row with amount > 0``."""
        return f"any row with {self.any}"


class NoRow(Feature):
    """Whether no row meets a condition."""

    name = "none"
    summary = "False where some row meets the condition; else null where it is null for a row; true over no row."
    accepts = _CONDITION
    remedy = _REMEDY
    gives = "bool"

    none: ExpressionText = Field(description="A condition on columns of the source.", examples=["amount > 0"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return how many rows there are, for how many the condition is known, and how many meet it."""
        return _counts(self.none, self.where)

    def value(self, merged: Merged) -> Any:
        """Return the answer."""
        return ~_some(merged)

    @property
    def formula(self) -> str:
        """What it is, such as ``no row with amount > 0``."""
        return f"no row with {self.none}"


def _counts(condition: str, where: str | None) -> Mapping[str, PartialAggregate]:
    return {
        "rows": PartialAggregate("rows", None, where),
        "known": PartialAggregate("known", condition, where),
        "sum": PartialAggregate("sum", condition, where),
    }


def _some(merged: Merged) -> Any:
    import ibis

    unknown = merged["known"] < merged["rows"]
    return ibis.cases((merged["sum"] > 0, True), (unknown, ibis.null("boolean")), else_=False)
