"""How the value of a feature over a window follows from its parts, merged over the cells of the window."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.float_sums import rounded_spread, rounded_sum
from ml_platform.core.engines.ibis_functions import instant_of
from ml_platform.core.hashing import content_id
from ml_platform.declarations.aggregates import Feature, Merged, PartialAggregate, ValueCounts
from ml_platform.declarations.source import ColumnType
from ml_platform.declarations.types import Window
from ml_platform.features.aggregates.partials import DECIMAL, UNITS, kept_parts, sums_floats
from ml_platform.features.aggregates.value_counts import reduced_groups


@dataclass(frozen=True)
class WindowedAggregate:
    """One part over one window.

    Attributes
    ----------
    feature
        Whose `of_counts` reduces the distinct values of a part of counts; None for other parts.
    """

    window: Window
    part: PartialAggregate
    feature: Feature | None = None

    @property
    def column(self) -> str:
        """The name of its column among the answers."""
        reduced = "" if self.feature is None else f":{content_id(self.feature.model_dump(mode='json'))[:16]}"
        return f"{self.window.label}:{self.part.column}{reduced}"

    def reduce(self, counts: ValueCounts) -> pa.Array:
        """Return what the feature makes of distinct values."""
        assert self.feature is not None
        return self.feature.of_counts(counts)


@dataclass(frozen=True)
class WindowedFeature:
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

    def wanted(self) -> list[WindowedAggregate]:
        """Return the kept parts to merge."""
        kept = (part for item in self.parts.values() for part in self._kept(item))
        return [self._wanted(part) for part in dict.fromkeys(kept)]

    @cached_property
    def parts(self) -> Mapping[str, PartialAggregate]:
        """The feature's parts by their names."""
        return self.feature.parts()

    @property
    def outside(self) -> bool:
        """Whether a part of it is finished outside of the engine."""
        return bool(self.of_floats) or any(part.measure == "counts" for part in self.parts.values())

    @cached_property
    def of_floats(self) -> list[PartialAggregate]:
        """Those of them that sum floats."""
        return [part for part in self.parts.values() if sums_floats(part, self.columns)]

    def finished(self, table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
        """Yield what is made of parts outside of the engine, by column: of limbs of floats, and of distinct values.

        Sums and spreads of floats are rounded here, once.

        Parameters
        ----------
        table
            The merged parts of `wanted`.
        """
        for part in self.of_floats:
            total = self._limbs(table, replace(part, measure="sum"))
            if part.measure == "sum":
                rounded = rounded_sum(total, UNITS["sum"], len(table))
            else:
                known = combined(table[self._name(replace(part, measure="known"))]).to_numpy()
                rounded = rounded_spread(known, total, self._limbs(table, part), len(table))
            yield self._name(part), pa.array(rounded)
        for item in self.wanted():
            if item.feature is not None and pa.types.is_list(table[item.column].type):
                yield item.column, reduced_groups(table[item.column], item.reduce)

    def value(self, parts: Any, tick: Any, asked: Any = None, end: Any = None) -> Any:
        """Return the feature's value for Ibis.

        Parameters
        ----------
        parts
            The merged parts, with what `finished` gives.
        tick
            In microseconds since 1970 UTC.
        asked, end
            Of a label (`Merged`), in the same way.
        """
        merged = {name: self._merged(parts, part) for name, part in self.parts.items()}
        is_label = asked is not None
        return self.feature.value(Merged(merged, tick if is_label or self.feature.reads_tick else None, asked, end))

    def _merged(self, parts: Any, part: PartialAggregate) -> Any:
        merged = parts[self._name(part)]
        if part.measure == "counts" and merged.type().is_integer() and self.feature.kind(self.columns) == "timestamp":
            return instant_of(merged)
        if part.measure != "squares" or part in self.of_floats:
            return merged
        count, total = (parts[self._name(replace(part, measure=other))] for other in ("known", "sum"))
        n, s, q = (column.cast(DECIMAL) for column in (count, total, merged))
        return n * q - s * s

    def _kept(self, part: PartialAggregate) -> list[PartialAggregate]:
        return [kept for kept in kept_parts(part, self.columns) if kept.column not in self.zeros]

    def _limbs(self, table: pa.Table, part: PartialAggregate) -> dict[int, pa.Array]:
        kept = (item for item in self._kept(part) if item.measure == part.measure and item.limb is not None)
        return {int(item.limb or 0): table[self._name(item)] for item in kept}

    def _name(self, part: PartialAggregate) -> str:
        return self._wanted(part).column

    def _wanted(self, part: PartialAggregate) -> WindowedAggregate:
        return WindowedAggregate(self.window, part, self.feature if part.measure == "counts" else None)
