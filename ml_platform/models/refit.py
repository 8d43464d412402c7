"""The refit: what was chosen is fitted once more on more rows, and that is deployed.

Nothing is chosen again: the number of rounds is the one that early stopping kept, and the calibrator is the same. Its
curve is fitted on scores that test rows get from a fit on the train and validate periods, as the first curve was fitted
on scores that validate rows got from a fit on the train period. So no curve is fitted on a score of a row that the
estimator knew, and the curve is of the newest rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ml_platform.core.hashing import format_instant
from ml_platform.datasets.snapshot.boundaries import PARTS, Part
from ml_platform.declarations.algorithms import algorithm_kind
from ml_platform.declarations.calibrators import NO_CALIBRATION
from ml_platform.declarations.model import Algorithm
from ml_platform.models.calibration import Calibration
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.inputs.labels import class_indices, read_label
from ml_platform.models.predictor import Predictor
from ml_platform.models.prepare import Prepared, prepare_refit
from ml_platform.storage.artifact_kinds.trained_model import Refit

if TYPE_CHECKING:
    from ml_platform.datasets.snapshot.read import Snapshot

BEFORE_TEST: tuple[Part, ...] = ("train", "validate")
PERIODS: Mapping[str, tuple[Part, ...]] = {"train+validate": BEFORE_TEST, "all": PARTS}


@dataclass(frozen=True)
class Refitted:
    """The second fit, with what the manifest holds of it."""

    predictor: Predictor
    about: Refit


def refit(prepared: Prepared, judged: Predictor, algorithm: Algorithm, snapshot: Snapshot) -> Refitted:
    """Return the predictor that is deployed in place of one that was chosen and is evaluated.

    Parameters
    ----------
    prepared
        What `judged` was fitted on, with the declaration, whose ``refit`` names the rows.
    algorithm
        That of `judged`.

    Raises
    ------
    TrainingError
        Where these rows cannot be fitted, or the test period has too few rows for the calibrator.
    """
    on = prepared.model.refit
    assert on is not None
    rounds = _rounds(prepared, judged, algorithm)
    fixed = algorithm if rounds is None else _with_rounds(prepared, algorithm, rounds)
    rows = prepare_refit(prepared, [snapshot.part(part) for part in PERIODS[on]])
    fitted = rows.fit(fixed)
    about = Refit(on=on, rows=rows.train.rows, until=format_instant(rows.until))
    about = about if rounds is None else about.but(iterations=rounds)
    notes = (*rows.notes, *(note for note in fitted.estimator.notes if note not in judged.estimator.notes))
    about = about.but(notes=notes) if notes else about
    method = judged.calibration.method
    if method == NO_CALIBRATION:
        return Refitted(fitted, about)
    before = fitted if PERIODS[on] == BEFORE_TEST else _fit_before_test(prepared, fixed, snapshot)
    calibration, count = _calibrated(method, before, snapshot)
    return Refitted(replace(fitted, calibration=calibration), about.but(calibration=method, calibration_rows=count))


def _fit_before_test(prepared: Prepared, algorithm: Algorithm, snapshot: Snapshot) -> Predictor:
    return prepare_refit(prepared, [snapshot.part(part) for part in BEFORE_TEST]).fit(algorithm)


def _calibrated(method: str, before: Predictor, snapshot: Snapshot) -> tuple[Calibration, int]:
    """Return the curve of test rows by a fit that knows none of them, and how many rows it learned from."""
    frame = snapshot.part("test")
    label = class_indices(read_label(frame["label"], before.task), before.classes)
    known = label >= 0
    scores = before.scores(read_columns(frame[known].reset_index(drop=True), before.inputs))
    return Calibration.fit(method, scores, label[known], period="test"), int(known.sum())


def _rounds(prepared: Prepared, judged: Predictor, algorithm: Algorithm) -> int | None:
    """Return how many rounds early stopping kept; None where the algorithm does not stop early."""
    kind = algorithm_kind(algorithm.name, prepared.model.task)
    stops = kind is not None and kind.stops_early(algorithm.params)
    return judged.estimator.iterations if stops else None


def _with_rounds(prepared: Prepared, algorithm: Algorithm, rounds: int) -> Algorithm:
    kind = algorithm_kind(algorithm.name, prepared.model.task)
    assert kind is not None
    return algorithm.model_copy(update={"params": kind.with_rounds(algorithm.params, rounds)})
