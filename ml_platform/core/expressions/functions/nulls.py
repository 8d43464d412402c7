"""Functions about nulls, and the choice between two values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_platform.core.expressions.arrays import Array, truth, values_as
from ml_platform.core.expressions.functions.function import NullFunction
from ml_platform.core.expressions.types import Kind, KindError, common_kind, count_operands, expect_kinds

if TYPE_CHECKING:
    from ml_platform.core.expressions.compiled import Compiled


class Coalesce(NullFunction):
    """``coalesce(x, y, ...)``."""

    name = "coalesce"
    signature = "coalesce(x, y, ...)"
    summary = "The first value that is not null."

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return the kind that all operands share."""
        if len(kinds) < 2:
            raise KindError(f"{self.name} takes two or more arguments, found {len(kinds)}")
        return common_kind(kinds)

    def arrays(self, kind: Kind, operands: Sequence[Array]) -> Array:
        """Return the first known value of each row."""
        values, nulls = values_as(kind, operands[0]), operands[0].nulls
        for item in operands[1:]:
            values, nulls = np.where(nulls, values_as(kind, item), values), nulls & item.nulls
        return Array(kind, values, nulls)

    def row(self, kind: Kind, kinds: Sequence[Kind], operands: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        """Return the first known value."""
        convert = _of_kind(kind)

        def compute(row: Any) -> Any:
            for operand in operands:
                if (value := operand(row)) is not None:
                    return convert(value)
            return None

        return compute

    def engine(self, kind: Kind, operands: Sequence[Compiled]) -> Any:
        """Return the first known value of each row."""
        import ibis

        from ml_platform.core.expressions.compiled import value_as

        return ibis.coalesce(*(value_as(kind, operand) for operand in operands))


class IsNull(NullFunction):
    """``is_null(x)``."""

    name = "is_null"
    signature = "is_null(x)"
    summary = "Whether a value is null."

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return bool."""
        count_operands(self.name, kinds, 1)
        return "bool"

    def arrays(self, kind: Kind, operands: Sequence[Array]) -> Array:
        """Return the null mask as values."""
        return Array(kind, operands[0].nulls, np.zeros_like(operands[0].nulls))

    def row(self, kind: Kind, kinds: Sequence[Kind], operands: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        """Return whether the value is null."""
        (operand,) = operands
        return lambda row: operand(row) is None

    def engine(self, kind: Kind, operands: Sequence[Compiled]) -> Any:
        """Return whether the value is null."""
        return operands[0].value.isnull()


class Where(NullFunction):
    """``where(condition, x, y)``, which ``x if condition else y`` also calls."""

    name = "where"
    signature = "where(condition, x, y)"
    summary = "x where the condition holds, else y; a condition that is null does not hold."
    passes_on = True

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return the kind that both values share."""
        count_operands(self.name, kinds, 3)
        expect_kinds(self.name, kinds[:1], {"bool"})
        return common_kind(kinds[1:])

    def arrays(self, kind: Kind, operands: Sequence[Array]) -> Array:
        """Return the chosen value of each row."""
        condition, first, second = operands
        chosen = truth(condition) & ~condition.nulls
        values = np.where(chosen, values_as(kind, first), values_as(kind, second))
        return Array(kind, values, np.where(chosen, first.nulls, second.nulls))

    def row(self, kind: Kind, kinds: Sequence[Kind], operands: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        """Return the chosen value."""
        condition, first, second = operands
        convert = _of_kind(kind)

        def compute(row: Any) -> Any:
            value = first(row) if condition(row) else second(row)
            return None if value is None else convert(value)

        return compute

    def engine(self, kind: Kind, operands: Sequence[Compiled]) -> Any:
        """Return the chosen value of each row."""
        import ibis

        from ml_platform.core.expressions.compiled import truth_of, value_as

        condition, first, second = operands
        return ibis.ifelse(truth_of(condition), value_as(kind, first), value_as(kind, second))


def _of_kind(kind: Kind) -> Callable[[Any], Any]:
    """Return what brings a plain value to a kind that it goes with."""
    types: dict[Kind, type] = {"float": float, "int": int}
    return types.get(kind, lambda value: value)
