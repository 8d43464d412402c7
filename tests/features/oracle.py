"""The features' meaning once more, as loops over rows that anybody can check. Nothing is shared with the platform."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np

FOREVER = datetime.max.replace(tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tick_at(instant, refresh, publish_delay):
    return EPOCH + (instant - publish_delay - EPOCH) // refresh * refresh


def with_intervals(rows):
    """Give each row (a dict with id, at, seen) the instant at which a later row of its id replaces it."""
    ordered = sorted(rows, key=lambda row: row["seen"])
    return [
        row | {"until": next((later["seen"] for later in ordered[place + 1 :] if later["id"] == row["id"]), FOREVER)}
        for place, row in enumerate(ordered)
    ]


def visible(rows, entity, tick, start, end):
    """Rows of an entity in the window (tick + start, tick + end], as they were known at the tick."""
    return [
        row
        for row in with_intervals(rows)
        if not row.get("gone")  # a row that only deletes the one before it
        and entity is not None
        and row["shop"] == entity
        and row["seen"] <= tick < row["until"]
        and (start is None or row["at"] > tick + start)
        and row["at"] <= tick + end
    ]


def aggregate(name, rows, value, tick):
    """One aggregate over visible rows; `value` gives each row's value, None for null."""
    if name == "count":
        return len(rows)
    if name == "time_since_last":
        return (tick - max(row["at"] for row in rows)) / timedelta(seconds=1) if rows else None
    known = [(row, value(row)) for row in rows if value(row) is not None]
    values = [number for _, number in known]
    if name == "last":
        newest = max(known, key=lambda pair: (pair[0]["at"], pair[0]["seen"], pair[0]["id"]), default=(None, None))
        return newest[1]
    if name == "first":
        oldest = min(known, key=lambda pair: (pair[0]["at"], pair[0]["seen"], pair[0]["id"]), default=(None, None))
        return oldest[1]
    if name in ("any", "none"):
        some = True if any(values) else None if len(values) < len(rows) else False
        return some if name == "any" or some is None else not some
    if name in ("min", "max"):
        return {"min": min, "max": max}[name](values) if values else None
    if name == "share":
        return sum(values) / len(values) if values else None
    if name in _OF_VALUES:
        return _OF_VALUES[name](values)
    exact = [_exact(number) for number in values]
    if name == "sum":
        return _plain(sum(exact), values)
    if name == "mean":
        return float(sum(exact)) / len(exact) if exact else None
    if len(exact) < 2:
        return None
    mean = sum(exact) / len(exact)
    return math.sqrt(sum((item - mean) ** 2 for item in exact) / (len(exact) - 1))


def _mode(values):
    counts = Counter(values)
    return min(value for value in counts if counts[value] == max(counts.values())) if values else None


_OF_VALUES = {
    "count_distinct": lambda values: len(set(values)),
    "mode": _mode,
    "median": lambda values: float(np.median(np.array(values, float))) if values else None,
    "quantile": lambda values: float(np.quantile(np.array(values, float), 0.9)) if values else None,
}


def _exact(value):
    """Numbers as they are: no digit of a float is lost."""
    return Fraction(value)


def _plain(total, values):
    return int(total) if values and all(isinstance(value, int) for value in values) else float(total)
