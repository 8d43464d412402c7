"""A project's own estimator class of the extended contract, written ``module:Class``.

A class of scikit-learn needs none of this: see `plain_class`. The extended contract gives validation rows, seed and
threads to `fit`, and leaves to the class what its state is. The class takes its declared parameters in its constructor,
and has

- ``fit(X, y, *, validate, seed, threads)``: X is a frame of floats and strings (null where a value was not seen in
  training), y an array (for classes their index 0, 1, ...), validate the same pair of the validate period, and None in
  a refit, as no rows are left;
- ``predict(X)``: one number per row (binary: the probability of 1), or for several classes one column per class;
- ``get_state()``: a dictionary of arrays and JSON values that holds everything that was fitted;
- ``from_state(state)``: a class method that makes the fitted estimator again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import PredictionError, TrainingError
from ml_platform.core.hashing import canonical_json
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Estimator, FitRequest, SavedEstimator

if TYPE_CHECKING:
    import numpy as np

    from ml_platform.models.inputs.matrix import Matrix

_FILE = "state.npz"
_METHODS = ("fit", "predict", "get_state", "from_state")


@dataclass(frozen=True)
class ProjectClass(Estimator):
    """A fitted estimator of a project's own class."""

    reference: str
    estimator: Any
    classes: int
    kind: ClassVar[str] = "project_class"

    @classmethod
    def fit(cls, fitting: FitRequest) -> ProjectClass:
        """Fit the project's class.

        Raises
        ------
        TrainingError
            When the class lacks a method, fails, or its state cannot be kept.
        """
        if fitting.code is None:
            raise TrainingError(f"{fitting.algorithm} needs the project's code.")
        made = _made(fitting.algorithm, fitting.code.load(fitting.algorithm), fitting.params)
        validate = (fitting.validate.decoded(), fitting.validate_label) if fitting.validate.rows else None
        try:
            made.fit(
                fitting.matrix.decoded(), fitting.label, validate=validate, seed=fitting.seed, threads=fitting.threads
            )
        except Exception as error:
            failed = f"{fitting.algorithm}.fit failed with {type(error).__name__}: {error}"
            refit = ". In a refit, validate is None: let fit do without, or remove refit" if validate is None else ""
            raise TrainingError(f"{failed}{refit}") from error
        fitted = cls.load(cls(fitting.algorithm, made, len(fitting.classes)).save(), fitting.code)
        try:
            fitted.predict(fitting.probed)
        except PredictionError as error:
            raise TrainingError(str(error)) from error
        return fitted

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None) -> ProjectClass:
        """Return the estimator of a bundle, made by the project's class from its state; nothing is unpickled."""
        import numpy as np

        reference = bundle.facts["reference"]
        if code is None:
            raise TrainingError(f"{reference} needs the project's code.")
        with np.load(io.BytesIO(bundle.files[_FILE]), allow_pickle=False) as arrays:
            state = {**bundle.facts["state"], **{name: arrays[name] for name in arrays.files}}
        return cls(reference, code.load(reference).from_state(state), bundle.facts["classes"])  # type: ignore[attr-defined]

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row.

        Raises
        ------
        PredictionError
            When the class fails, or gives anything but one number per row (and class).
        """
        import numpy as np

        try:
            scores = np.asarray(self.estimator.predict(matrix.decoded()), dtype="float64")
        except Exception as error:
            raise PredictionError(f"{self.reference}.predict failed with {type(error).__name__}: {error}") from error
        expected = (matrix.rows, self.classes) if self.classes > 2 else (matrix.rows,)
        if scores.shape != expected:
            raise PredictionError(f"{self.reference}.predict gave an array of shape {scores.shape}, not {expected}.")
        return scores

    def state(self) -> Any:
        """Return the canonical form of what ``get_state`` gives."""
        from ml_platform.models.estimators.canonical_state import normal_form

        return {"reference": self.reference, "state": normal_form(dict(self.estimator.get_state()))}

    def save(self) -> SavedEstimator:
        """Return the state as JSON and arrays."""
        import numpy as np

        state = self.estimator.get_state()
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        plain = {name: value for name, value in state.items() if name not in arrays}
        try:
            canonical_json(plain)
            if any(array.dtype.hasobject for array in arrays.values()):
                raise TypeError("an array of Python objects has no canonical form")
        except TypeError as error:
            raise TrainingError(
                f"{self.reference}.get_state: {error}. Give arrays of numbers, and JSON values."
            ) from None
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        facts = {"reference": self.reference, "state": plain, "classes": self.classes}
        return SavedEstimator(facts, {_FILE: buffer.getvalue()})


def _made(reference: str, make: Any, params: Mapping[str, Any]) -> Any:
    missing = [name for name in _METHODS if not callable(getattr(make, name, None))]
    if missing:
        raise TrainingError(f"{reference} has no {missing[0]}. An estimator has {', '.join(_METHODS)}.")
    try:
        return make(**params)
    except Exception as error:
        raise TrainingError(f"{reference} does not take {dict(params)}: {error}") from error
