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
from ml_platform.registry.evaluation.slices import MISSING, slice_masks
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
    """Return which rows each group has: one for each value of a column, or those of a condition and the others.

    Rows for which a condition is null are a group of their own: whether it holds for them is not known.
    """
    masks = dict(slice_masks({name: text}, owner, frame))
    if list(masks) == [name]:
        unknown = dict(slice_masks({name: f"is_null({text})"}, owner, frame))[name]
        groups = {name: masks[name], f"not {name}": ~masks[name] & ~unknown}
        return groups | ({MISSING: unknown} if unknown.any() else {})
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
        return GroupDifference(figure=figure, declined=f"too few days: {days}, {DAYS_NEEDED} are needed")
    low, high = _interval(counts)
    return GroupDifference(figure=figure, low=low, high=high)


def _interval(counts: np.ndarray) -> tuple[float, float]:
    """Return the ends of the interval of the largest difference; `counts` as in `_difference`.

    The largest of many differences is large by chance. So each pair of groups has an interval, all of them hold
    together (Bonferroni), and the ends are the largest of theirs. The error of a pair is no smaller than that of
    independent rows (Agresti and Coull 1998): where all of few rows are acted on, no day shows any.
    """
    from scipy.special import stdtrit

    days, total = counts.shape[1], counts.sum(axis=1)
    first, second = np.triu_indices(len(counts), 1)
    ahead = _shares(total)[first] - _shares(total)[second]
    without = _shares(total[:, None] - counts)
    moved = without[first] - without[second]
    error = (days - 1) / days * np.square(moved - moved.mean(axis=1, keepdims=True)).sum(axis=1)
    rows = total[..., 0] + 4
    share = (total[..., 1] + 2) / rows
    least = share * (1 - share) / rows
    error = np.maximum(error, least[first] + least[second])
    known = ~np.isnan(ahead)
    distance, error = np.abs(ahead[known]), np.where(np.isnan(error), np.inf, error)[known]  # one day has all its rows
    half = stdtrit(days - 1, 1 - (1 - LEVEL) / (2 * len(distance))) * np.sqrt(error)
    return max(float((distance - half).max()), 0.0), min(float((distance + half).max()), 1.0)


def _shares(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(counts[..., 1] / counts[..., 0])


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
