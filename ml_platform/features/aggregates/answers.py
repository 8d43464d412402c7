"""How the value of a feature over a window follows from its parts, merged over the cells of the window."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.float_sums import rounded_spread, rounded_sum
from ml_platform.declarations.aggregates import Feature, Merged, Part
from ml_platform.declarations.source import ColumnType
from ml_platform.declarations.types import Window
from ml_platform.features.aggregates.partials import DECIMAL, UNITS, kept_parts, sums_floats


@dataclass(frozen=True)
class Wanted:
    """One part over one window."""

    window: Window
    part: Part

    @property
    def column(self) -> str:
        """The name of its column among the answers."""
        return f"{self.window.label}:{self.part.column}"


@dataclass(frozen=True)
class Answer:
    """A feature over one window.

    Attributes
    ----------
    columns
        The types of the source's columns.
    zeros
        Columns of parts that are zero in every cell, and not kept.
    """

    feature: Feature
    window: Window
    columns: Mapping[str, ColumnType]
    zeros: Collection[str] = ()

    def wanted(self) -> list[Wanted]:
        """Return the kept parts to merge."""
        kept = (part for item in self.parts.values() for part in self._kept(item))
        return [Wanted(self.window, part) for part in dict.fromkeys(kept)]

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """The feature's parts by their names."""
        return self.feature.parts()

    @cached_property
    def of_floats(self) -> list[Part]:
        """Those of them that sum floats."""
        return [part for part in self.parts.values() if sums_floats(part, self.columns)]

    def rounded(self, table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
        """Yield what follows from the limbs of floats, by column: sums, and spreads, rounded once.

        Parameters
        ----------
        table
            The merged parts of `wanted`.
        """
        for part in self.of_floats:
            total = self._limbs(table, replace(part, measure="sum"))
            if part.measure == "sum":
                found = rounded_sum(total, UNITS["sum"], len(table))
            else:
                known = combined(table[self._name(replace(part, measure="known"))]).to_numpy()
                found = rounded_spread(known, total, self._limbs(table, part), len(table))
            yield self._name(part), pa.array(found)

    def value(self, parts: Any, tick: Any) -> Any:
        """Return the feature's value for Ibis.

        Parameters
        ----------
        parts
            The merged parts, with what `rounded` gives.
        tick
            In microseconds since 1970 UTC.
        """
        merged = {name: self._merged(parts, part) for name, part in self.parts.items()}
        return self.feature.value(Merged(merged, tick))

    def _merged(self, parts: Any, part: Part) -> Any:
        found = parts[self._name(part)]
        if part.measure != "squares" or part in self.of_floats:
            return found
        count, total = (parts[self._name(replace(part, measure=other))] for other in ("known", "sum"))
        n, s, q = (column.cast(DECIMAL) for column in (count, total, found))
        return n * q - s * s

    def _kept(self, part: Part) -> list[Part]:
        return [kept for kept in kept_parts(part, self.columns) if kept.column not in self.zeros]

    def _limbs(self, table: pa.Table, part: Part) -> dict[int, pa.Array]:
        kept = (item for item in self._kept(part) if item.measure == part.measure and item.limb is not None)
        return {int(item.limb or 0): table[self._name(item)] for item in kept}

    def _name(self, part: Part) -> str:
        return Wanted(self.window, part).column
