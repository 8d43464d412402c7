"""Histograms of columns: bins are chosen once on a reference, counts of any parts add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

_QUANTILES = np.linspace(0.0, 1.0, 11)
_MAX_CATEGORIES = 50
_FREQUENT = 0.05  # share of the rows with a value from which a number has a bin of its own
Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Bins:
    """How one column is cut.

    Attributes
    ----------
    edges
        For ``numeric``, ascending: below the first, between two neighbors (the upper one included), above the last.
        The first and the last are the least and the greatest of the reference's values that are not frequent.
    categories
        For ``categorical``: the reference's most frequent values; all other values share one more bin.
    frequent
        For ``numeric``, ascending: values with a bin of their own, since 5 % of the reference or more have them.
    """

    kind: Literal["numeric", "categorical"]
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    frequent: tuple[float, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each bin, the last one for missing values."""
        if self.kind == "categorical":
            return (*self.categories, "any other", "missing")
        single = tuple(f"{value:g}" for value in self.frequent)
        if not self.edges:
            return (*single, "any other" if single else "any", "missing")
        inner = [f"{low:g} to {high:g}" for low, high in zip(self.edges[:-1], self.edges[1:], strict=True)]
        ranges = (f"below {self.edges[0]:g}", *(inner or [f"{self.edges[0]:g}"]), f"above {self.edges[-1]:g}")
        return (*single, *ranges, "missing")


@dataclass(frozen=True)
class Histogram:
    """Counts of one column by bin, the last one of missing values. Parts with the same bins add up."""

    bins: Bins
    counts: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows were counted, missing values among them."""
        return sum(self.counts)

    @property
    def missing(self) -> float:
        """The share of rows without a value."""
        return self.counts[-1] / self.rows if self.rows else 0.0

    def __add__(self, other: Histogram) -> Histogram:
        if self.bins != other.bins:
            raise ValueError("histograms with different bins do not add up")
        return Histogram(self.bins, tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    def as_json(self) -> dict[str, Any]:
        """Return the histogram in JSON types."""
        bins = self.bins
        return {
            "kind": bins.kind,
            "edges": list(bins.edges),
            "categories": list(bins.categories),
            "frequent": list(bins.frequent),
            "counts": list(self.counts),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Histogram:
        """Read what `as_json` wrote."""
        edges, frequent = (tuple(map(float, fields[name])) for name in ("edges", "frequent"))
        bins = Bins(fields["kind"], edges, tuple(fields["categories"]), frequent)
        return cls(bins, tuple(fields["counts"]))


def choose_bins(values: pd.Series) -> Bins:
    """Cut a reference column: numbers at frequent values and at the deciles of the rest, others by frequent values."""
    if is_numeric(values):
        numbers = numbers_of(values)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers) == 0:
            return Bins("numeric")
        distinct, counts = np.unique(numbers, return_counts=True)
        frequent = distinct[counts >= _FREQUENT * len(numbers)]
        rest = numbers[~np.isin(numbers, frequent)]
        cuts = np.unique(np.quantile(rest, _QUANTILES, method="inverted_cdf")) if len(rest) else rest
        return Bins("numeric", edges=tuple(map(float, cuts)), frequent=tuple(map(float, frequent)))
    counts_of = [(-count, str(name)) for name, count in values.value_counts(dropna=True).items() if count]
    return Bins("categorical", categories=tuple(name for _, name in sorted(counts_of)[:_MAX_CATEGORIES]))


def count_values(values: pd.Series, bins: Bins) -> Histogram:
    """Count a column by the given bins, in one pass."""
    counts = np.bincount(places_of(values, bins), minlength=len(bins.labels))
    return Histogram(bins, tuple(int(count) for count in counts))


def places_of(values: pd.Series, bins: Bins) -> Places:
    """Return the number of the bin of every value; the last is that of missing values."""
    known = values.notna().to_numpy()
    places = np.full(len(values), len(bins.labels) - 1, dtype=np.int64)
    places[known] = _places(values[known], bins)
    return places


def _places(values: pd.Series, bins: Bins) -> Places:
    """Return the number of the bin of every value; none is missing."""
    if bins.kind == "categorical":
        codes, categories = pd.factorize(values)  # each category becomes text once, not once a row
        known = {category: place for place, category in enumerate(bins.categories)}
        places = np.array([known.get(str(category), len(known)) for category in categories], dtype=np.int64)
        return places[codes] if len(categories) else np.zeros(0, dtype=np.int64)
    numbers = numbers_of(values)
    places = len(bins.frequent) + _ranges(numbers, bins.edges)
    for place, value in enumerate(bins.frequent):
        places[numbers == value] = place
    return places


def _ranges(numbers: np.ndarray[Any, Any], edges: tuple[float, ...]) -> Places:
    if not edges:
        return np.zeros(len(numbers), dtype=np.int64)
    places = np.searchsorted(np.asarray(edges), numbers, side="left").astype(np.int64)
    lowest = numbers == edges[0]  # the least value of the reference is not below it
    return np.where(lowest, 1, places) if len(edges) > 1 else _around(numbers, edges[0])


def _around(numbers: np.ndarray[Any, Any], only: float) -> Places:
    return np.where(numbers < only, 0, np.where(numbers == only, 1, 2)).astype(np.int64)


def is_numeric(values: pd.Series) -> bool:
    """Return whether a column holds numbers; conditions are no numbers."""
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)


def numbers_of(values: pd.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a column of numbers as floats, missing values as NaN."""
    return values.to_numpy(dtype="float64", na_value=np.nan)
