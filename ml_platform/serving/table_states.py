"""What an answer reports of each feature table that it read: tick, age, whether it is late, or too old to be used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ml_platform.core.clock import MICROSECOND, format_duration, from_micros
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ALL_FEATURES, ModelSpec
from ml_platform.operations.online.lookup import TableState
from ml_platform.serving.problems import RequestProblem


@dataclass(frozen=True)
class _Tick:
    """A published tick in microseconds: when it was, when the next can be read, and from when it is too old."""

    text: str
    at: int
    next_at: int
    too_old_at: float


class TableStates:
    """The published ticks of a model's feature tables.

    Parameters
    ----------
    ticks
        In microseconds since 1970 UTC, by table.
    """

    def __init__(self, model: ModelSpec, tables: Mapping[str, FeatureTableSpec], ticks: Mapping[str, int]) -> None:
        self._model, self._tables = model, tables
        self._limits = {name: _limit(model, name) for name in tables}
        self._ticks = {name: self._tick(name, tick) for name, tick in ticks.items()}
        self._at = -1
        self._by_read: dict[int, tuple[tuple[TableState, ...], Mapping[str, Any]]] = {}

    def states(self, read: tuple[TableState, ...], at: int) -> Mapping[str, Any]:
        """Return the states of all tables that were read, by alias; what was read is one tuple for equal states."""
        if at != self._at:
            self._at, self._by_read = at, {}
        known = self._by_read.get(id(read))
        if known is None:
            known = self._by_read[id(read)] = (read, {one.alias: self._state(one, at) for one in read})
        return known[1]

    def _state(self, read: TableState, at: int) -> dict[str, Any]:
        """Return the state of a table that was read, as an answer reports it.

        Parameters
        ----------
        at
            Now, in microseconds.

        Raises
        ------
        RequestProblem
            Where it is older than the model declares: training has seen no such row.
        """
        tick = self._ticks[read.table]
        if at > tick.too_old_at:
            raise self._too_old(read.table, tick, at)
        return {
            "tick": tick.text,
            "age_seconds": (at - tick.at) / 1e6,
            "late": at >= tick.next_at,
            "history": read.has_history,
        }

    def _tick(self, name: str, tick: int) -> _Tick:
        table, limit = self._tables[name], self._limits[name]
        next_at = tick + (table.refresh + table.publish_delay) // MICROSECOND
        too_old_at = math.inf if limit is None else tick + limit // MICROSECOND
        return _Tick(format_instant(from_micros(tick)), tick, next_at, too_old_at)

    def _too_old(self, table: str, tick: _Tick, at: int) -> RequestProblem:
        age, limit = format_duration((at - tick.at) * MICROSECOND), self._limits[table]
        assert limit is not None, "there is a limit"
        return RequestProblem(
            503,
            "features_too_old",
            f"feature table {table} is of {tick.text}, {age} ago, and {self._model.name} declares that its data is at "
            f"most {format_duration(limit)} old. Find out why the online store is not refreshed.",
            retry_after=max(1, int(self._tables[table].refresh.total_seconds())),
        )


def _limit(model: ModelSpec, table: str) -> timedelta | None:
    """Return how old the data of a table may be: the least of what is declared for it and its columns."""
    declared = model.max_feature_age
    limits = [limit for name, limit in declared.items() if name.partition(".")[0] == table]
    return min(limits) if limits else declared.get(ALL_FEATURES)
