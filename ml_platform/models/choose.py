"""Choosing the simplest algorithm that is good enough: by what each earns on the validate period.

The test period takes no part, so the evaluation judges the choice on rows that did not decide it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_platform.core.errors import TrainingError
from ml_platform.declarations.choice import Choose
from ml_platform.declarations.model import Algorithm
from ml_platform.models.capacity import Capacity, predict_within
from ml_platform.models.ladder import Ladder
from ml_platform.models.predictor import Predictor
from ml_platform.models.prepare import Prepared
from ml_platform.storage.artifact_kinds.trained_model import Rung


def climb(prepared: Prepared, choose: Choose, predictors: Sequence[tuple[str, Predictor]]) -> Ladder:
    """Return what each of some predictors earned on the validate period, in the order in which they are given.

    Raises
    ------
    TrainingError
        Where no row of the validate period has a value.
    """
    decision, rows = predictors[0][1].decision, prepared.validate_rows
    label, capacity = np.asarray(prepared.validate_truth), Capacity.declared(prepared.model.value)
    values = [decision.value(rows, label, decision.nothing(rows))]
    for _, predictor in predictors:
        predicted = predict_within(predictor, rows, capacity, prepared.entity_key)
        taken = predicted["action" if predictor.classes else "score"].to_numpy()
        values.append(decision.value(rows, label, taken))
    valued = ~np.isnan(np.column_stack(values)).any(axis=1)
    if not valued.any():
        raise TrainingError(
            f"{prepared.model.name}: choose needs rows of the validate period with a value, and a column that value "
            "reads is null in all of them. Lengthen split.validate, or remove choose."
        )
    nothing, *earned = (value[valued] for value in values)
    gains = [float(np.mean(value - nothing)) for value in earned]
    if not np.isfinite(gains).all():
        raise TrainingError(
            f"{prepared.model.name}: the gain of an algorithm on the validate period is not a finite number, so no "
            "algorithm can be chosen. Correct value: it must give an amount of money for each row."
        )
    rungs = tuple(Rung(name=name, gain=gain) for (name, _), gain in zip(predictors, gains, strict=True))
    return Ladder(rungs, choose.simplest_within, int(valued.sum()))


def ladder_of(declared: Algorithm, baselines: dict[str, Algorithm]) -> list[tuple[str, Algorithm]]:
    """Return a model's algorithms by name, the simplest first: its baselines, then what it declares."""
    name = declared.name if declared.name not in baselines else f"{declared.name}_declared"
    return [*baselines.items(), (name, declared)]
