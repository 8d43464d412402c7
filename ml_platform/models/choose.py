"""Choosing the simplest algorithm that is good enough: by what each earns on the validate period.

The test period takes no part, so the evaluation judges the choice on rows that did not decide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_platform.core.errors import TrainingError
from ml_platform.core.formatting import amount_text
from ml_platform.declarations.choice import Choose
from ml_platform.declarations.model import Algorithm
from ml_platform.models.capacity import Capacity, predict_within
from ml_platform.models.predictor import Predictor
from ml_platform.models.prepare import Prepared
from ml_platform.storage.artifact_kinds.trained_model import Rung


@dataclass(frozen=True)
class Ladder:
    """The algorithms of a model, the simplest first, and which of them was chosen.

    Attributes
    ----------
    margin
        How much of the best gain the chosen one may lack, as a share.
    rows
        How many rows of the validate period were valued.
    """

    rungs: tuple[Rung, ...]
    margin: float
    rows: int

    @property
    def chosen(self) -> int:
        """The place of the first algorithm that earns at most the margin less than the best.

        >>> gains = {"rule": 0.5, "ridge": 0.99, "lightgbm": 1.0}
        >>> Ladder(tuple(Rung(name=name, gain=gain) for name, gain in gains.items()), 0.02, 90).chosen
        1
        >>> Ladder((Rung(name="rule", gain=-2.0), Rung(name="lightgbm", gain=-1.0)), 0.02, 90).chosen
        1
        """
        best = max(rung.gain for rung in self.rungs)
        enough = best - self.margin * abs(best)
        return next(place for place, rung in enumerate(self.rungs) if rung.gain >= enough)

    def text(self, unit: str) -> str:
        """Return why the chosen algorithm was chosen.

        >>> ladder = Ladder((Rung(name="ridge", gain=0.99), Rung(name="boost", gain=1.0)), 0.02, 90)
        >>> print(ladder.text("EUR").partition(": ")[2])
        the simplest within 2 % of the best gain on 90 rows of the validate period (ridge 0.99, boost 1.00 EUR a row)
        """
        gains = ", ".join(f"{rung.name} {amount_text(rung.gain, places=2)}" for rung in self.rungs)
        rule = f"the simplest within {100 * self.margin:g} % of the best gain on {self.rows:,} rows"
        return f"{self.rungs[self.chosen].name} was chosen: {rule} of the validate period ({gains} {unit} a row)"


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
            f"{prepared.model.name}: what an algorithm earned on the validate period is no finite number, so that none "
            "can be chosen. Correct value: a row must be worth an amount of money."
        )
    rungs = tuple(Rung(name=name, gain=gain) for (name, _), gain in zip(predictors, gains, strict=True))
    return Ladder(rungs, choose.simplest_within, int(valued.sum()))


def ladder_of(declared: Algorithm, baselines: dict[str, Algorithm]) -> list[tuple[str, Algorithm]]:
    """Return a model's algorithms by name, the simplest first: its baselines, then what it declares."""
    name = declared.name if declared.name not in baselines else f"{declared.name}_declared"
    return [*baselines.items(), (name, declared)]
