"""Columns that only grow, such as counts over all time: drift by nature, so that their rate of growth is looked at.

The rate of a row is what the value has grown since an earlier row of the same entity, a
day before or more, for each day between. Entities are those of the feature's table; a
column that grows from row to row whatever the entity is one entity. Rows of one instant
have no order: of several earlier ones the largest value counts, and a column grows only
if it grows beyond all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ml_platform.core.statistics.histograms import is_numeric, numbers_of

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

LOOK_BACK_DAYS = 35
"""How much older the earlier row may be."""

_DAY_SECONDS = 86_400
_LEAST_PAIRS = 100
_MOVES, _AGAINST = 0.01, 0.01
_DIGITS = 9


def growth_rates(frame: pd.DataFrame, times: pd.Series, growing: Mapping[str, Sequence[str]]) -> dict[str, pd.Series]:
    """Return the rate of growth a day of each growing column; null where no earlier row of the entity has a value.

    Parameters
    ----------
    frame, times
        Rows with the columns and their keys, and the instant of each.
    growing
        For each column the columns that name its entity; none if all rows are one entity.
    """
    seconds = _seconds(times)
    earlier = {keys: _Earlier(seconds, _entities(frame, keys)) for keys in {tuple(keys) for keys in growing.values()}}
    return {
        name: pd.Series(earlier[tuple(keys)].rates(numbers_of(frame[name])), index=frame.index)
        for name, keys in growing.items()
    }


def growing_columns(
    frame: pd.DataFrame, times: pd.Series, keys: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return the columns that only grow, or only fall, each with the columns that name its entity.

    A column grows if at least 1 % of 100 or more pairs of rows of an entity, a day or more apart, move one way, and
    the other way at most one in a hundred of those.

    Parameters
    ----------
    keys
        For each column to be looked at, the columns that name its entity.
    """
    seconds = _seconds(times)
    earlier: dict[tuple[str, ...], _Earlier] = {}
    growing: dict[str, tuple[str, ...]] = {}
    for name, entity_key in keys.items():
        if not is_numeric(frame[name]):
            continue
        values = numbers_of(frame[name])
        for entity in dict.fromkeys((tuple(entity_key), ())):
            if entity not in earlier:
                earlier[entity] = _Earlier(seconds, _entities(frame, entity))
            if any(_only_grows(earlier[entity].rates(sign * values)) for sign in (1, -1)):
                growing[name] = entity
                break
    return growing


def _only_grows(rates: Floats) -> bool:
    known = rates[~np.isnan(rates)]
    moves, against = int((known > 0).sum()), int((known < 0).sum())
    return len(known) >= _LEAST_PAIRS and moves >= _MOVES * len(known) and against <= _AGAINST * moves


class _Earlier:
    """The latest instant of each row's entity that is a day older or more: found once, whatever the columns."""

    def __init__(self, seconds: Ints, entities: Ints) -> None:
        self._order = np.lexsort((seconds, entities))
        entity, second = entities[self._order], seconds[self._order]
        begins = np.ones(len(second), dtype=bool)
        begins[1:] = (entity[1:] != entity[:-1]) | (second[1:] != second[:-1])
        self._starts = np.flatnonzero(begins)
        entity, second = entity[self._starts], second[self._starts]  # of each instant of an entity
        span = int(second.max() - second.min()) + 2 * _DAY_SECONDS if len(second) else 1
        line = entity * span + second - (second.min() if len(second) else 0)
        place = np.searchsorted(line, line - _DAY_SECONDS, side="right") - 1
        same = (place >= 0) & (entity >= 0) & (entity[place] == entity)
        near = second - second[place] <= LOOK_BACK_DAYS * _DAY_SECONDS
        instant = np.cumsum(begins) - 1
        has = (same & near)[instant]
        self._rows, self._earlier = self._order[has], place[instant[has]]
        self._days = (second[instant[has]] - second[self._earlier]) / _DAY_SECONDS

    def rates(self, values: Floats) -> Floats:
        """Return by how much each row's value has grown a day since then; null where one of the two has no value.

        Of several earlier rows at the same instant, that of the largest value counts.
        """
        rates = np.full(len(values), np.nan)
        if len(self._rows):
            largest = np.fmax.reduceat(values[self._order], self._starts)
            rates[self._rows] = np.round((values[self._rows] - largest[self._earlier]) / self._days, _DIGITS)
        return rates


def _entities(frame: pd.DataFrame, keys: Sequence[str]) -> Ints:
    """Return a number for each row's entity, -1 where a key is missing."""
    if not keys:
        return np.zeros(len(frame), dtype=np.int64)
    groups = frame.groupby(list(keys), sort=False, dropna=True).ngroup()
    return np.asarray(groups.fillna(-1), dtype=np.int64)


def _seconds(times: pd.Series) -> Ints:
    return np.asarray(times.to_numpy(dtype="datetime64[s]").astype(np.int64), dtype=np.int64)
