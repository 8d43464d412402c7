"""Fairness: whether the groups of a protected column get recommended actions alike.

The figures are those of fairlearn: the demographic parity difference (Agarwal and others 2018) and the equalized odds
difference (Hardt, Price and Srebro 2016). Rows of a day share its luck, so the interval is that of days: each is left
out once (the jackknife, Efron 1982), and nothing is drawn, so that the same rows give the same evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ml_platform.declarations.release import DAYS_NEEDED
from ml_platform.registry.evaluation.candidates import Contender, EvaluationRows
from ml_platform.registry.evaluation.slices import slice_masks
from ml_platform.storage.artifact_kinds.fairness import FairnessResult, GroupDifference, ProtectedGroup

FEWEST_ROWS = 30
"""A group of fewer rows is left out: what it gets is chance."""
LEVEL = 0.95


def fairness_of(rows: EvaluationRows, challenger: Contender, counted: np.ndarray) -> tuple[FairnessResult, ...]:
    """Return what the groups of each protected column get; nothing where none is declared.

    Parameters
    ----------
    counted
        Which rows count.
    """
    model = rows.model
    acted = (challenger.taken != rows.decision.do_nothing)[counted]
    label = rows.label.astype(bool)[counted] if model.task == "binary" else None
    frame, days = rows.frame[counted].reset_index(drop=True), rows.days[counted]
    return tuple(
        fairness_result(name, groups_of(name, text, model.population.owner, frame), acted, label, days)
        for name, text in (model.protected or {}).items()
    )


def groups_of(name: str, text: str, owner: str, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return which rows each group has: one for each value of a column, or those of a condition and the others."""
    masks = dict(slice_masks({name: text}, owner, frame))
    if list(masks) == [name]:
        return {name: masks[name], f"not {name}": ~masks[name]}
    return {group.removeprefix(f"{name} = "): mask for group, mask in masks.items()}


def fairness_result(
    name: str, groups: Mapping[str, np.ndarray], acted: np.ndarray, label: np.ndarray | None, days: np.ndarray
) -> FairnessResult:
    """Return how differently groups are acted on.

    Parameters
    ----------
    acted
        Whether each row gets another action than doing nothing.
    label
        Whether each row is positive; None where there are not two classes.
    """
    kept = {group: mask for group, mask in groups.items() if mask.sum() >= FEWEST_ROWS}
    _, place = np.unique(days, return_inverse=True)
    truth = np.zeros(len(acted), dtype=int) if label is None else label.astype(int)
    counts = np.array([_by_day(mask, place, truth, acted) for mask in kept.values()])
    result = FairnessResult(
        name=name,
        groups=tuple(
            ProtectedGroup(name=group, rows=int(mask.sum()), acted=float(acted[mask].mean()))
            for group, mask in kept.items()
        ),
        too_few=tuple(group for group in groups if group not in kept),
        selection_rate=_difference(counts.sum(axis=2, keepdims=True) if len(kept) else counts, len(kept)),
    )
    return result if label is None else result.but(equalized_odds=_difference(counts, len(kept)))


def _by_day(mask: np.ndarray, day: np.ndarray, truth: np.ndarray, acted: np.ndarray) -> np.ndarray:
    """Return by day and label how many rows of a group there are, and how many are acted on."""
    days, cell = day.max() + 1, 2 * day + truth
    rows, taken = (np.bincount(cell[which], minlength=2 * days) for which in (mask, mask & acted))
    return np.stack([rows, taken], axis=-1).reshape(days, 2, 2)


def _difference(counts: np.ndarray, groups: int) -> GroupDifference:
    """Return the largest difference between groups, with its interval.

    Parameters
    ----------
    counts
        By group, day and label: rows, and rows that are acted on.
    """
    if groups < 2:
        return GroupDifference(figure=None, declined=f"no two groups have {FEWEST_ROWS} rows")
    figure, days = _largest(counts.sum(axis=1)), counts.shape[1]
    if figure is None:
        return GroupDifference(figure=None, declined="no two groups have rows of one label")
    if days < DAYS_NEEDED:
        return GroupDifference(figure=figure, declined=f"too few days to say: {days}, {DAYS_NEEDED} are needed")
    total = counts.sum(axis=1)
    without = [_largest(total - counts[:, day]) for day in range(days)]
    known = np.array([item for item in without if item is not None])
    half = _half_width(known)
    return GroupDifference(figure=figure, low=max(figure - half, 0.0), high=min(figure + half, 1.0))


def _half_width(without: np.ndarray) -> float:
    from scipy.special import stdtrit

    days = len(without)
    error = np.sqrt((days - 1) / days * np.square(without - without.mean()).sum())
    return float(stdtrit(days - 1, (1 + LEVEL) / 2) * error)


def _largest(counts: np.ndarray) -> float | None:
    """Return the largest difference between groups of the share that is acted on, over the labels; None for none."""
    differences = []
    for rows, taken in zip(counts[..., 0].T, counts[..., 1].T, strict=True):
        shares = taken[rows > 0] / rows[rows > 0]
        differences += [float(shares.max() - shares.min())] if len(shares) > 1 else []
    return max(differences, default=None)


def fairness_figures(results: Sequence[FairnessResult]) -> dict[str, float | None]:
    """Return the figures that a gate may name: the largest over all protected columns; None where one is not known."""
    return dict(_figures(results)) if results else {}


def _figures(results: Sequence[FairnessResult]) -> Iterator[tuple[str, float | None]]:
    for name in ("selection_rate", "equalized_odds"):
        differences = [item for result in results if (item := getattr(result, name)) is not None]
        for end, suffix in (("figure", ""), ("low", "_low"), ("high", "_high")):
            values = [getattr(item, end) for item in differences]
            if values:
                yield f"{name}_difference{suffix}", None if None in values else max(values)
