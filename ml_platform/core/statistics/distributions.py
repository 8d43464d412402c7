"""How a column's values are spread, and how that changes by day or by week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["number", "share"]
Step = Literal["day", "week"]
_DAYS_BY_DAY = 60
_LOW, _MEDIAN, _HIGH = 0.1, 0.5, 0.9


@dataclass(frozen=True)
class Spread:
    """For numbers, the median and the 10 % and 90 % quantiles; for a share, only the middle value."""

    low: float | None
    median: float
    high: float | None


@dataclass(frozen=True)
class Period:
    """The spread in one day or week; `start` is its first day (UTC), `spread` None where all values are null."""

    start: str
    spread: Spread | None


@dataclass(frozen=True)
class Distribution:
    """A column's values over time.

    Attributes
    ----------
    kind
        ``number``, or ``share``: how often the value is `value`, the most frequent one.
    step
        How long a period is; periods are complete, one after the other.
    """

    kind: Kind
    value: str
    step: Step
    whole: Spread
    periods: tuple[Period, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the distribution in JSON types."""
        return {**asdict(self), "periods": [asdict(period) for period in self.periods]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Distribution:
        """Return what `as_json` gave."""
        periods = tuple(Period(item["start"], _spread_of(item["spread"])) for item in values["periods"])
        return cls(**{**values, "whole": Spread(**values["whole"]), "periods": periods})


def _spread_of(values: Mapping[str, Any] | None) -> Spread | None:
    return None if values is None else Spread(**values)


def distribution(values: pa.ChunkedArray, ticks: pa.ChunkedArray) -> Distribution | None:
    """Return how values are spread over time; None for instants, and where there is no value at all.

    Up to 60 days are shown day by day, more of them by weeks that begin on Mondays, both in UTC. A tick describes what
    came before it: midnight belongs to the day that it ends.

    Parameters
    ----------
    ticks
        The instant of each value.
    """
    kind, value, numbers = _as_numbers(values)
    present = ~np.isnan(numbers)
    if kind is None or not present.any():
        return None
    days = (ticks.cast(pa.timestamp("us")).to_numpy() - np.timedelta64(1, "us")).astype("datetime64[D]")
    by_day = int((days.max() - days.min()) / np.timedelta64(1, "D")) < _DAYS_BY_DAY
    starts = days if by_day else _mondays(days)
    step = np.timedelta64(1 if by_day else 7, "D")
    every = np.arange(starts.min(), starts.max() + step, step)
    periods = tuple(Period(str(start), _spread(kind, numbers[present & (starts == start)])) for start in every)
    whole = _spread(kind, numbers[present])
    assert whole is not None
    return Distribution(kind, value, "day" if by_day else "week", whole, periods)


def _as_numbers(values: pa.ChunkedArray) -> tuple[Kind | None, str, np.ndarray]:
    """Return numbers with NaN for null; of texts and truth values, whether each is the most frequent."""
    if pa.types.is_timestamp(values.type) or values.null_count == len(values):
        return None, "", np.full(len(values), np.nan)
    if not (
        pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_boolean(values.type)
    ):
        return "number", "", values.cast(pa.float64()).to_numpy().astype(float)
    counts = pc.value_counts(values.drop_null()).to_pylist()
    top = min(counts, key=lambda item: (-item["counts"], str(item["values"])))["values"]
    text = str(top).lower() if isinstance(top, bool) else str(top)
    return "share", text, pc.equal(values, pa.scalar(top, values.type)).cast(pa.float64()).to_numpy().astype(float)


def _spread(kind: Kind, numbers: np.ndarray) -> Spread | None:
    if not len(numbers):
        return None
    if kind == "share":
        return Spread(None, float(numbers.mean()), None)
    low, median, high = (float(figure) for figure in np.quantile(numbers, [_LOW, _MEDIAN, _HIGH]))
    return Spread(low, median, high)


def _mondays(days: np.ndarray) -> np.ndarray:
    """Return the Monday on or before each day; 1970 began on a Thursday."""
    since = (days.astype(np.int64) + 3) % 7
    mondays: np.ndarray = days - since.astype("timedelta64[D]")
    return mondays
