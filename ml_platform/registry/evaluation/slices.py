"""Slices of the test period: what a version earned on each declared part of the rows.

Many slices are looked at, so that some are bad by chance. Their intervals are wider for it (Bonferroni): with a
probability of 95 % all of them hold together, those against the champion too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.expressions import parse_expression
from ml_platform.registry.evaluation.candidates import CHALLENGER, CHAMPION, DO_NOTHING
from ml_platform.registry.evaluation.intervals import earnings
from ml_platform.registry.evaluation.persistence import LEVEL
from ml_platform.storage.artifact_kinds.evaluation import SliceResult
from ml_platform.storage.artifact_kinds.figures import BasedFigure

MOST_VALUES = 20
"""How many values of one column are slices of their own; rows of its other values are one slice."""
OTHER, MISSING = "other values", "missing"
"""What the slices of rarer values and of rows without one are called; a value that is written so is quoted."""


def slice_masks(declared: Mapping[str, str], owner: str, frame: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each slice: its name, and which rows it has.

    Parameters
    ----------
    declared
        Conditions, and columns whose values are the slices, by name.
    owner
        The population, whose columns have no dot in expressions.

    >>> frame = pd.DataFrame({"orders.size": [1, 7, 9], "orders.city": ["Bonn", "Bonn", None]})
    >>> for name, mask in slice_masks({"large": "size > 5", "city": "city"}, "orders", frame):
    ...     print(name, mask.tolist())
    large [False, True, True]
    city = Bonn [True, True, False]
    city = missing [False, False, True]
    """
    for name, text in declared.items():
        expression = parse_expression(text)
        columns = {column: frame[column if "." in column else f"{owner}.{column}"] for column in expression.names}
        values = pd.Series(expression.evaluate(columns, len(frame)), dtype=object)
        missing = values.isna()
        if all(isinstance(value, bool | np.bool_) for value in values[~missing]):
            yield name, (values == True).to_numpy()  # noqa: E712  (a null is no member)
            continue
        yield from _of_values(name, values, missing)


def _of_values(name: str, values: pd.Series[Any], missing: pd.Series[bool]) -> Iterator[tuple[str, np.ndarray]]:
    counts = values[~missing].value_counts()
    order = sorted(counts.index, key=lambda value: (-counts[value], str(value)))
    for value in order[:MOST_VALUES]:
        written = f"'{value}'" if value in (OTHER, MISSING) else value
        yield f"{name} = {written}", (values == value).to_numpy()
    if order[MOST_VALUES:]:
        yield f"{name} = {OTHER}", values.isin(order[MOST_VALUES:]).to_numpy()
    if missing.any():
        yield f"{name} = {MISSING}", missing.to_numpy()


def slice_results(
    masks: Mapping[str, np.ndarray],
    values: Mapping[str, np.ndarray],
    days: np.ndarray,
    entities: np.ndarray,
    *,
    fixed: bool = False,
    horizon: timedelta = timedelta(0),
) -> list[SliceResult]:
    """Return what the challenger earned on each slice more than doing nothing, and than the champion.

    Parameters
    ----------
    masks
        Which rows each slice has.
    values
        What each row earned, by contender.
    days, entities
        The day and the entity of each row.
    fixed, horizon
        As `earnings` takes them.

    Returns
    -------
    For each slice its rows and days, and the difference from each rival over all rows of the slice, with an interval
    that holds for all slices together.
    """
    rivals = [rival for rival in (DO_NOTHING, CHAMPION) if rival in values]
    level = 1 - (1 - LEVEL) / max(len(masks) * len(rivals), 1)
    facts = []
    for name, mask in masks.items():
        rows, ahead = int(mask.sum()), {}
        if rows:
            part = {contender: value[mask] for contender, value in values.items()}
            earned = earnings(part, days[mask], entities[mask], level=level, fixed=fixed, horizon=horizon)
            for rival in rivals:
                ahead[rival] = earned.difference(CHALLENGER, rival).times(rows).as_figure()
        facts.append(SliceResult(name=name, rows=rows, days=len(np.unique(days[mask])), **ahead))
    return facts


def slice_figures(facts: list[SliceResult]) -> dict[str, float]:
    """Return the figures that a gate may name: on how many slices the challenger surely loses."""
    return {
        "slices_losing": float(sum(_surely_below(line.do_nothing) for line in facts)),
        "slices_below_champion": float(sum(_surely_below(line.champion) for line in facts)),
    }


def _surely_below(difference: BasedFigure | None) -> bool:
    return difference is not None and difference.high is not None and difference.high < 0
