"""What a function of expressions is: its rule for kinds, and its meaning over arrays and in the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ml_platform.core.expressions.types import Kind

if TYPE_CHECKING:
    from ml_platform.core.expressions.arrays import Array, Values
    from ml_platform.core.expressions.compiled import Compiled


class Function(ABC):
    """A function that expressions may call. Extend `PlainFunction` or `NullFunction`.

    Both meanings must agree on every value; a property test calls every function on both sides over hostile values.

    Attributes
    ----------
    name, signature, summary
        As it is called, ``round(x)``, and what it gives, in a sentence.
    steps
        How deep the engine's expression becomes by it; expressions have 40 steps.
    mentions
        How often `engine` writes its operands: those that are large are then computed once.
    passes_on
        Whether it gives no finite number of an infinity or NaN, so that operands need not be looked at.
    may_overflow
        Whether it can give an infinity of finite numbers.
    """

    name: ClassVar[str]
    signature: ClassVar[str]
    summary: ClassVar[str]
    steps: ClassVar[int] = 1
    mentions: ClassVar[int] = 1
    passes_on: ClassVar[bool] = False
    may_overflow: ClassVar[bool] = False

    @abstractmethod
    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return the kind of the result.

        Raises
        ------
        KindError
            Where the operands do not fit.
        """


class PlainFunction(Function):
    """A function that is null where any operand is null.

    Attributes
    ----------
    keeps_null
        Whether what `engine` gives is null where an operand is; else a test for null is written around it.
    """

    keeps_null: ClassVar[bool] = False

    @abstractmethod
    def arrays(self, *values: Values) -> Values:
        """Return the result over NumPy arrays: int64 (also instants and spans, in microseconds), float64, or objects.

        What is not finite, or does not fit into 64 bits, becomes null afterwards.
        """

    def row(self, *values: Any) -> Any:
        """Return the result for one row of plain values, none of which is null; None is null.

        It has the bits that `arrays` gives, so use NumPy where a library of Python may round otherwise. By default,
        it is computed by `arrays`.
        """
        with np.errstate(all="ignore"):
            return np.asarray(self.arrays(*(_one(value) for value in values))).tolist()[0]

    @abstractmethod
    def engine(self, *values: Any) -> Any:
        """Return the result as an expression of Ibis over values of the same types as in `arrays`."""


class NullFunction(Function):
    """A function that sees nulls, such as ``coalesce``."""

    @abstractmethod
    def arrays(self, kind: Kind, operands: Sequence[Array]) -> Array:
        """Return the result over arrays with their null masks."""

    def row(self, kind: Kind, kinds: Sequence[Kind], operands: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        """Return what computes the result for one row of plain values, where None is null.

        By default, it is computed by `arrays`.

        Parameters
        ----------
        kind, kinds
            Of the result, and of the operands.
        operands
            Each gives one operand for a row.
        """
        from ml_platform.core.expressions.arrays import Array

        def compute(row: Any) -> Any:
            values = [operand(row) for operand in operands]
            arrays = [
                Array(of, _one(_filler(of) if value is None else value), np.array([value is None]))
                for of, value in zip(kinds, values, strict=True)
            ]
            result = self.arrays(kind, arrays)
            return None if result.nulls[0] else result.values.tolist()[0]

        return compute

    @abstractmethod
    def engine(self, kind: Kind, operands: Sequence[Compiled]) -> Any:
        """Return the result as an expression of Ibis."""


def _one(value: Any) -> Values:
    return np.array([value], dtype=object if isinstance(value, str) else None)


def _filler(kind: Kind) -> Any:
    return "" if kind == "string" else 0.0 if kind in ("float", "null") else kind != "bool" and 0
