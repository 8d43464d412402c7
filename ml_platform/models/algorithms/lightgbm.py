"""LightGBM: gradient-boosted trees, reproducible bit for bit, kept as text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import bytes_hash
from ml_platform.declarations.algorithms import EVERY_TASK, ParamFault
from ml_platform.declarations.model import Task
from ml_platform.models.algorithms.lightgbm_params import OTHER_NAMES, PARAMS, conflicts, monotone_fault
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import (
    Estimator,
    FitRequest,
    RawContributions,
    SavedEstimator,
    score_columns,
    shares,
)
from ml_platform.models.inputs.monotone import monotone_signs

if TYPE_CHECKING:
    import numpy as np

    from ml_platform.models.inputs.matrix import Matrix
    from ml_platform.models.inputs.row import Row, RowColumns

_FILE = "trees.txt"
_PARAMETERS, _END_OF_PARAMETERS = "\nparameters:", "\nend of parameters\n"
_OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression", "quantile": "quantile"}
_ROWS_WORTH_THREADS = 2000


@dataclass(frozen=True)
class LightGBM(Estimator):
    """A fitted LightGBM model.

    Attributes
    ----------
    text
        LightGBM's own text. Its categories are the platform's codes; the manifest has the category of each code.
    """

    text: str
    booster: Any
    name: ClassVar[str] = "lightgbm"
    tasks: ClassVar[frozenset[Task]] = EVERY_TASK
    params: ClassVar[Mapping[str, str]] = PARAMS
    other_names: ClassVar[Mapping[str, str]] = OTHER_NAMES
    monotone: ClassVar[bool] = True
    stopping_param: ClassVar[str | None] = "early_stopping_round"
    rounds_param: ClassVar[str | None] = "num_iterations"

    @classmethod
    def set_by_task(cls, task: Task) -> Mapping[str, str]:
        """Return what follows from the task: the loss, and for a quantile its share."""
        if task == "regression":
            return {}
        return {"objective": f"task {task}", **({"alpha": "the key quantile"} if task == "quantile" else {})}

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield what LightGBM refuses, or changes with no more than a warning."""
        return conflicts(params, task)

    @classmethod
    def monotone_fault(cls, params: Mapping[str, Any], task: Task) -> str | None:
        """Return why the loss cannot keep monotone columns, or None."""
        return monotone_fault(params, task)

    @classmethod
    def fit(cls, fitting: FitRequest) -> LightGBM:
        """Fit trees; with ``early_stopping_round`` their number is chosen on the validate period.

        Raises
        ------
        TrainingError
            Where LightGBM refuses the parameters or the rows.
        """
        lightgbm = import_lightgbm()
        params = _params(fitting)
        rounds = int(params.pop("num_iterations", 100))
        train = _dataset(fitting.matrix, fitting.label)
        validate = _dataset(fitting.validate, fitting.validate_label, train)
        stopping = cls.stops_early(params)
        try:
            booster = lightgbm.train(params, train, rounds, valid_sets=[validate] if stopping else None)
        except (lightgbm.basic.LightGBMError, ValueError) as error:
            raise TrainingError(f"LightGBM cannot fit these rows with {dict(fitting.params)}: {error}") from None
        return cls.read(booster.model_to_string())

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None = None) -> LightGBM:
        """Return the trees of a bundle, whose bytes were checked against their hash before."""
        return cls.read(bundle.files[_FILE].decode())

    @classmethod
    def read(cls, text: str) -> LightGBM:
        """Return the trees that `text` describes. A damaged text ends the process, so its hash is checked first."""
        lightgbm = import_lightgbm()
        return cls(text, lightgbm.Booster(model_str=text))

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""
        import numpy as np

        if not matrix.rows:
            return np.empty((0, self.booster.num_model_per_iteration())).squeeze(axis=1)
        threads = 1 if matrix.rows < _ROWS_WORTH_THREADS else 0
        return np.asarray(self.booster.predict(matrix.values, num_threads=threads))

    def predict_after(self, matrix: Matrix, rounds: int) -> np.ndarray:
        """Return the scores of every row by the first trees."""
        import numpy as np

        return np.asarray(self.booster.predict(matrix.values, num_iteration=rounds))

    def row_function(self, columns: RowColumns) -> Callable[[Row], float | tuple[float, ...]]:
        """Return LightGBM's own function for one row, which needs no array."""
        from ml_platform.models.algorithms.lightgbm_row import single_row_function

        return single_row_function(import_lightgbm(), self.booster, len(columns.matrix))

    def state(self) -> Any:
        """Return the hash of the trees without the block that repeats the parameters (threads, file names)."""
        return {"trees": bytes_hash(_without_parameters(self.text).encode())}

    def save(self) -> SavedEstimator:
        """Return the trees as text."""
        return SavedEstimator({"iterations": self.iterations}, {_FILE: self.text.encode()})

    @property
    def iterations(self) -> int:
        """How many rounds of boosting the model keeps."""
        return int(self.booster.current_iteration())

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return each column's share of the gain over all splits."""
        return shares(names, self.booster.feature_importance("gain"))

    def contributions(self, matrix: Matrix) -> RawContributions | None:
        """Return LightGBM's contributions (Lundberg and others 2018, "Consistent individualized feature attribution").

        Leaves that are linear have none.
        """
        import numpy as np

        lightgbm = import_lightgbm()
        try:
            parts = np.asarray(self.booster.predict(matrix.values, pred_contrib=True, num_threads=1))
        except lightgbm.basic.LightGBMError:
            return None
        raw = score_columns(self.booster.predict(matrix.values, raw_score=True, num_threads=1))
        width = len(matrix.columns) + 1
        blocks = [parts[:, number * width : (number + 1) * width] for number in range(raw.shape[1])]
        return RawContributions(
            method="trees",
            note="LightGBM's own contributions (SHAP values of the trees): with the base they add up.",
            seen=matrix.decoded(),
            amounts=[block[:, :-1] for block in blocks],
            base=[block[:, -1] for block in blocks],
            raw=list(raw.T),
        )


def import_lightgbm() -> Any:
    """Return LightGBM, with threads that sleep while they wait for each other.

    By default they spin. Where several processes share the cores, a fit then takes six times as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when the library is loaded
    import lightgbm

    return lightgbm


def _without_parameters(text: str) -> str:
    """Return the text of trees without its parameters.

    `find` is done in a tenth of the time of a regular expression, and a service that loads a version answers no request
    during either.
    """
    begin = text.find(_PARAMETERS)
    end = text.find(_END_OF_PARAMETERS, begin)
    return text if begin < 0 or end < 0 else text[: begin + 1] + text[end + len(_END_OF_PARAMETERS) :]


def _params(fitting: FitRequest) -> dict[str, Any]:
    params = dict(fitting.params)
    if "objective" in params and fitting.task != "regression":
        raise TrainingError(f"objective follows from task {fitting.task}, found {params['objective']}. Remove it.")
    params.setdefault("objective", _OBJECTIVES[fitting.task])
    if fitting.task == "multiclass":
        params["num_class"] = len(fitting.classes)
    if fitting.quantile is not None:
        params["alpha"] = fitting.quantile
    if fitting.monotone:
        params["monotone_constraints"] = monotone_signs(fitting.matrix.names, fitting.monotone)
    return {
        **params,
        "seed": fitting.seed,
        "num_threads": fitting.threads,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }


def _dataset(matrix: Matrix, label: np.ndarray, reference: Any = None) -> Any:
    lightgbm = import_lightgbm()
    categories = [index for index, column in enumerate(matrix.columns) if column.categories is not None]
    return lightgbm.Dataset(
        matrix.values,
        label=label,
        reference=reference,
        feature_name=[f"column_{index}" for index in range(len(matrix.columns))],  # LightGBM refuses many names
        categorical_feature=categories,
        free_raw_data=True,
    )
