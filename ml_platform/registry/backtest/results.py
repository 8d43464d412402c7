"""What a backtest came to: by origin, by age of the model, and by how often it is retrained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from ml_platform.core.hashing import format_instant
from ml_platform.datasets.snapshot.boundaries import Boundaries
from ml_platform.registry.backtest.judged import AGED, FRESH, Judged
from ml_platform.registry.backtest.origins import DAY
from ml_platform.registry.evaluation.candidates import DO_NOTHING
from ml_platform.registry.evaluation.persistence import LEVEL
from ml_platform.storage.artifact_kinds.backtest import AgeResult, OriginResult, ScheduleResult
from ml_platform.storage.artifact_kinds.figures import BasedFigure


def gain_of_all(judged: Judged) -> BasedFigure:
    """Return what a row earned more than doing nothing, by the newest model at its time."""
    earned = judged.earned({FRESH: judged.by(judged.place)}, np.ones(len(judged.place), dtype=bool))
    return earned.difference(FRESH, DO_NOTHING).as_figure()


def origin_results(
    judged: Judged, origins: Sequence[Boundaries], fitted: Sequence[int], chosen: Sequence[str | None]
) -> list[OriginResult]:
    """Return a result for each origin.

    Parameters
    ----------
    fitted
        How many rows each model was fitted on.
    chosen
        Which algorithm each training chose; None where it chooses none.
    """
    results, fresh = [], judged.by(judged.place)
    for number, origin in enumerate(origins):
        earned = judged.earned({FRESH: fresh}, judged.place == number)
        counts = judged.counts & (judged.place == number)
        seeds = [float((seed - judged.nothing)[counts].mean()) for seed in judged.seeds]
        result = OriginResult(
            origin=format_instant(origin.test_start),
            end=format_instant(origin.end),
            fitted=fitted[number],
            rows=earned.rows,
            gain=earned.difference(FRESH, DO_NOTHING).as_figure(),
            figures=dict(judged.figures[number]),
        )
        results.append(result.but(other_seeds=tuple(seeds) or None, chosen=chosen[number]))
    return results


def age_results(judged: Judged, every: timedelta) -> list[AgeResult]:
    """Return a result for each age: models of this age beside the newest model, on the same rows.

    All intervals hold together (Bonferroni).
    """
    ages = range(1, len(judged.values))
    fresh, results = judged.by(judged.place), []
    for age in ages:
        values = {FRESH: fresh, AGED: judged.by(judged.place - age)}
        earned = judged.earned(values, judged.place >= age, 1 - (1 - LEVEL) / len(ages))
        result = AgeResult(
            days=age * every / DAY,
            rows=earned.rows,
            fresh=earned.difference(FRESH, DO_NOTHING).figure,
            aged=earned.difference(AGED, DO_NOTHING).figure,
            loss=earned.difference(FRESH, AGED).as_figure(),
        )
        results.append(result)
    return results


def schedule_results(ages: Sequence[AgeResult], rows_a_week: float) -> list[ScheduleResult]:
    """Return for each schedule of trainings what it earns more in a week than one model for the whole time.

    A model that is replaced after k steps loses on average the mean of the losses of ages 0 to k - 1. The ends of an
    interval are the same sums of the ends of the ages' intervals, which hold together: so these hold with them.
    """
    origins = len(ages) + 1
    results = []
    for step in range(1, origins):
        weights = np.full(len(ages), 1 / origins)
        weights[: step - 1] -= 1 / step
        more = _weighted([age.loss for age in ages], weights * rows_a_week)
        results.append(ScheduleResult(days=ages[0].days * step, more=more))
    return results


def _weighted(figures: Sequence[BasedFigure], weights: np.ndarray) -> BasedFigure:
    figure = sum(item.figure * weight for item, weight in zip(figures, weights, strict=True))
    days = max(item.days or 0 for item in figures)
    low = high = 0.0
    for item, weight in zip(figures, weights, strict=True):
        if item.low is None or item.high is None:
            return BasedFigure(figure=figure, days=days, declined=item.declined)
        first, second = sorted((item.low * weight, item.high * weight))
        low, high = low + first, high + second
    return BasedFigure(figure=figure, low=low, high=high, days=days)
