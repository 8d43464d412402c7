"""What a feature is: the declaration of it, and how its value follows from rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ml_platform.core.expressions import Kind, parse_expression
from ml_platform.declarations.aggregates.parts import Merged, PartialAggregate, ValueCounts
from ml_platform.declarations.types import Declaration, ExpressionText, WindowField

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Place = tuple[str | int, ...]
ANY: frozenset[Kind] = frozenset({"bool", "int", "float", "string", "timestamp"})
SORTED: frozenset[Kind] = frozenset({"bool", "int", "float", "timestamp"})
COUNTABLE: frozenset[Kind] = frozenset({"int", "float", "bool"})
NUMBERS: frozenset[Kind] = frozenset({"int", "float"})
EXPRESSION = "An expression over columns of the source. Rows for which it is null are left out."
"""What the field of most aggregates is."""


class Feature(Declaration, ABC):
    """One aggregate of an expression over one or several windows: extend it in one file.

    A class that extends this one has a field of its own name, the key that chooses it in YAML: the expression
    (``mean: arr_delay``), ``true`` where there is none, or a declaration with several keys. Nulls are left out by
    every measure but ``rows``. Import heavy libraries inside methods: every aggregate's file is imported when
    declarations are read.

    Attributes
    ----------
    name
        The key in YAML, such as ``mean``.
    summary
        What it gives, also over no row, in a sentence.
    of_features, of_labels
        Whether a feature table, and whether a label over a window after the prediction time, can have it.
    takes_windows
        Whether it is over windows. Without any, its column is called as the feature.
    accepts, remedy
        The kinds of expression that it takes, and what to write where another is found.
    gives
        The kind of its value; None for the kind of its expression.
    fixed_unit
        The unit of its values where the declaration has none.
    reads_tick
        Whether its value changes as time passes while its window holds the same rows. Only then it has `Merged.tick`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    of_features: ClassVar[bool] = True
    of_labels: ClassVar[bool] = True
    takes_windows: ClassVar[bool] = True
    accepts: ClassVar[frozenset[Kind]] = ANY
    remedy: ClassVar[str] = "Make a number of it, with minutes(), hours() or days()"
    gives: ClassVar[Literal["bool", "int", "float", "string", "timestamp"] | None] = None
    fixed_unit: ClassVar[str] = ""
    reads_tick: ClassVar[bool] = False

    windows: tuple[WindowField, ...] = Field(
        (),
        strict=False,
        description="The spans of time before a tick whose rows count. Each makes one column. `ever` takes all "
        "rows before the tick; [start, end] is a span around the tick, for rows that are known ahead.",
        examples=[["1d", "7d"], ["ever"], [["0h", "2h"]]],
    )
    where: ExpressionText | None = Field(
        None, description="A condition on rows. Other rows are left out.", examples=["not cancelled"]
    )
    unit: str | None = Field(None, description="The unit of its values, for people.", examples=["min"])
    description: str = Field("", description="What it means, for people.", examples=["How late the courier is."])

    @model_validator(mode="after")
    def _require_windows(self) -> Feature:
        if self.windows and not self.takes_windows:
            raise ValueError(f"{self.name} takes no windows. Remove windows")
        if self.takes_windows and not self.windows:
            raise ValueError(f"{self.name} needs windows. Add them, such as windows: [1d, 7d]")
        return self

    @property
    def declared(self) -> Any:
        """What is declared under the aggregate's name."""
        return getattr(self, self.name)

    @property
    def expression(self) -> str | None:
        """The expression whose value a row is listed with; None where rows are only counted."""
        return self.declared if isinstance(self.declared, str) else None

    @property
    def expressions(self) -> Mapping[Place, str]:
        """Every expression over rows that is aggregated, by its place below the feature."""
        return {} if self.expression is None else {(self.name,): self.expression}

    @property
    def from_columns(self) -> str | None:
        """The expression over other columns of the table that this is; None for an aggregate of rows."""
        return None

    def kind(self, columns: Mapping[str, Kind]) -> Kind:
        """Return the kind of its values over a source with these columns.

        Raises
        ------
        ExpressionError
        """
        return self.gives or parse_expression(self.expression or "").check(columns)

    @abstractmethod
    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return what it needs of the rows in a window, by the names that `value` reads it under."""

    def value(self, merged: Merged) -> Any:
        """Return its value for Ibis; without an own rule, the one part that it has."""
        (part,) = self.parts()
        return merged[part]

    def of_counts(self, counts: ValueCounts) -> pa.Array:
        """Return what its part of measure ``counts`` is in `value`, one for each window."""
        raise NotImplementedError(f"{type(self).__name__} has a part of counts, and no of_counts")

    def explaining_row(self, values: np.ndarray, known: np.ndarray) -> int | None:
        """Return which row's value the feature is; None where it follows from many.

        Parameters
        ----------
        values
            Of the expression, for the rows in the window, the newest first; of the event where there is none.
        known
            Whether each of them is not null.
        """
        return None

    @property
    def formula(self) -> str:
        """What it is, as people read it, such as ``mean of arr_delay``."""
        words = self.name.replace("_", " ")
        return words if self.expression is None else f"{words} of {self.expression}"

    @property
    def value_unit(self) -> str:
        """The unit of its values; empty where they have none."""
        return self.unit or self.fixed_unit

    @classmethod
    def declared_fields(cls) -> Mapping[str, Any]:
        """Return the fields that a declaration may have; of this class, those of all aggregates."""
        if cls is not Feature:
            return cls.model_fields
        from ml_platform.declarations.aggregates import aggregates

        return {name: field for aggregate in aggregates().values() for name, field in aggregate.model_fields.items()}
