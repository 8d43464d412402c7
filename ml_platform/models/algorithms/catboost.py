"""CatBoost: trees with statistics of categories, reproducible bit for bit. An extra of the platform installs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import bytes_hash
from ml_platform.declarations.algorithms import EVERY_TASK, ParamFault
from ml_platform.declarations.allowed_values import COUNT, FRACTION, NOT_NEGATIVE
from ml_platform.declarations.model import Task
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import (
    Estimator,
    FitRequest,
    RawContributions,
    SavedEstimator,
    score_columns,
    shares,
)
from ml_platform.models.estimators.extras import import_extra
from ml_platform.models.inputs.monotone import monotone_signs

if TYPE_CHECKING:
    import numpy as np

    from ml_platform.models.inputs.matrix import Matrix

_FILE = "trees.cbm"
_LOSSES: Mapping[Task, str] = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
_OF_THE_RUN = {"model_guid": "", "train_finish_time": "", "params": "{}", "output_options": "{}", "training": "{}"}
"""What CatBoost notes in a model about the run that fitted it, and the text that replaces it."""
_SEVERAL_CLASSES = '{"loss_function": {"type": "MultiClass", "params": {}}}'
_LARGEST = 3.4e38
"""CatBoost sees numbers in 32 bits."""


@dataclass(frozen=True)
class CatBoost(Estimator):
    """A fitted CatBoost model.

    Attributes
    ----------
    content
        CatBoost's own binary form, without what it notes about the run.
    """

    content: bytes
    model: Any
    name: ClassVar[str] = "catboost"
    tasks: ClassVar[frozenset[Task]] = EVERY_TASK
    libraries: ClassVar[tuple[str, ...]] = ("catboost",)
    extra: ClassVar[str | None] = "catboost"
    monotone: ClassVar[bool] = True
    stopping_param: ClassVar[str | None] = "early_stopping_rounds"
    rounds_param: ClassVar[str | None] = "iterations"
    params: ClassVar[Mapping[str, str]] = {
        "auto_class_weights": "None Balanced SqrtBalanced",
        "bagging_temperature": NOT_NEGATIVE,
        "border_count": "int [1, 65535]",
        "depth": "int [1, 16]",
        "early_stopping_rounds": COUNT,
        "iterations": COUNT,
        "l2_leaf_reg": NOT_NEGATIVE,
        "learning_rate": FRACTION,
        "loss_function": "RMSE MAE",
        "max_ctr_complexity": "int [1, 8]",
        "model_size_reg": NOT_NEGATIVE,
        "one_hot_max_size": "int [2, 255]",
        "random_strength": NOT_NEGATIVE,
        "rsm": FRACTION,
    }
    other_names: ClassVar[Mapping[str, str]] = {
        "colsample_bylevel": "rsm",
        "early_stopping_round": "early_stopping_rounds",
        "eta": "learning_rate",
        "max_bin": "border_count",
        "max_depth": "depth",
        "n_estimators": "iterations",
        "num_boost_round": "iterations",
        "objective": "loss_function",
        "reg_lambda": "l2_leaf_reg",
    }

    @classmethod
    def set_by_task(cls, task: Task) -> Mapping[str, str]:
        """Return what follows from the task: the loss."""
        return {} if task == "regression" else {"loss_function": f"task {task}"}

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield weights of classes where there are none."""
        if "auto_class_weights" in params and task not in ("binary", "multiclass"):
            yield "auto_class_weights", f"belongs to classes, found task {task}. Remove it"

    @classmethod
    def monotone_fault(cls, params: Mapping[str, Any], task: Task) -> str | None:
        """Return why CatBoost refuses monotone columns: for several classes."""
        if task == "multiclass":
            return "catboost does not keep monotone for several classes. Remove monotone, or take lightgbm"
        return None

    @classmethod
    def fit(cls, fitting: FitRequest) -> CatBoost:
        """Fit trees; with ``early_stopping_rounds`` their number is chosen on the validate period.

        Raises
        ------
        TrainingError
            Where CatBoost is not installed, or refuses the parameters or the rows.
        """
        catboost = import_extra("catboost")
        validate = None
        if cls.stops_early(fitting.params):
            validate = _rows(fitting.validate, fitting.validate_label)
        try:
            made = catboost.CatBoost(_params(fitting))
            made.fit(_rows(fitting.matrix, fitting.label), eval_set=validate)
        except (catboost.CatBoostError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise TrainingError(f"CatBoost cannot fit these rows with {dict(fitting.params)}: {reason}") from None
        noted = made.get_metadata()
        for key, value in _OF_THE_RUN.items():
            noted[key] = value
        return cls.read(bytes(made._serialize_model()))

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None = None) -> CatBoost:
        """Return the trees of a bundle, whose bytes were checked against their hash before."""
        return cls.read(bundle.files[_FILE])

    @classmethod
    def read(cls, content: bytes) -> CatBoost:
        """Return the trees of CatBoost's binary form."""
        model = import_extra("catboost").CatBoost()
        model.load_model(blob=content)
        if len(model.classes_) > 2:  # in memory only: else CatBoost prints a warning at every prediction
            model.get_metadata()["params"] = _SEVERAL_CLASSES
        return cls(content, model)

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""
        import numpy as np

        if not matrix.rows:
            return np.empty(0)
        return self.predict_after(matrix, 0)

    def predict_after(self, matrix: Matrix, rounds: int) -> np.ndarray:
        """Return the scores of every row by the first trees; by all where `rounds` is 0."""
        if not self._of_classes:
            return self._predicted(matrix, "RawFormulaVal", rounds)
        probabilities = self._predicted(matrix, "Probability", rounds)
        return probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities

    @property
    def _of_classes(self) -> bool:
        return bool(len(self.model.classes_))

    def _predicted(self, matrix: Matrix, kind: str, rounds: int = 0) -> np.ndarray:
        import numpy as np

        made = self.model.predict(_rows(matrix), prediction_type=kind, ntree_end=rounds, thread_count=1)
        predicted: np.ndarray = np.asarray(made)
        return predicted

    def state(self) -> Any:
        """Return the hash of the trees, without what CatBoost notes about the run."""
        return {"trees": bytes_hash(self.content)}

    def save(self) -> SavedEstimator:
        """Return the trees in CatBoost's binary form."""
        return SavedEstimator({"iterations": self.iterations}, {_FILE: self.content})

    @property
    def iterations(self) -> int:
        """How many rounds of boosting the model keeps."""
        return int(self.model.tree_count_)

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return each column's share of how much predictions change with it."""
        import numpy as np

        changes = dict(zip(map(int, self.model.feature_names_), self.model.get_feature_importance(), strict=True))
        return shares(names, np.array([changes[index] for index in range(len(names))]))

    def contributions(self, matrix: Matrix) -> RawContributions:
        """Return CatBoost's contributions (Lundberg and others 2018)."""
        import numpy as np

        raw = score_columns(self._predicted(matrix, "RawFormulaVal"))
        shap = self.model.get_feature_importance(_rows(matrix), type="ShapValues", thread_count=1)
        parts = np.asarray(shap).reshape(matrix.rows, raw.shape[1], -1)
        amounts = np.empty_like(parts[:, :, :-1])
        amounts[:, :, _order(matrix)] = parts[:, :, :-1]
        return RawContributions(
            method="trees",
            note="CatBoost's own contributions (SHAP values of the trees): with the base they add up.",
            seen=matrix.decoded(),
            amounts=list(amounts.transpose(1, 0, 2)),
            base=list(parts[:, :, -1].T),
            raw=list(raw.T),
        )


def _params(fitting: FitRequest) -> dict[str, Any]:
    loss = f"Quantile:alpha={fitting.quantile!r}" if fitting.task == "quantile" else _LOSSES[fitting.task]
    params = {"loss_function": loss, "iterations": 100, **fitting.params}
    if fitting.task == "multiclass":
        params["classes_count"] = len(fitting.classes)
    if fitting.monotone:
        signs = monotone_signs(fitting.matrix.names, fitting.monotone)
        params["monotone_constraints"] = [signs[index] for index in _order(fitting.matrix)]
    return {
        **params,
        "random_seed": fitting.seed,
        "thread_count": fitting.threads,
        "task_type": "CPU",
        "allow_writing_files": False,
        "logging_level": "Silent",
    }


def _order(matrix: Matrix) -> list[int]:
    """Return the columns in CatBoost's order: numbers, then categories."""
    return sorted(range(len(matrix.columns)), key=lambda index: matrix.columns[index].categories is not None)


def _rows(matrix: Matrix, label: np.ndarray | None = None) -> Any:
    """Return rows as CatBoost reads them: numbers of 32 bits, and categories as the text of their code."""
    import numpy as np

    catboost = import_extra("catboost")
    numbers, texts = (
        [index for index in _order(matrix) if (matrix.columns[index].categories is not None) == of_texts]
        for of_texts in (False, True)
    )
    codes = matrix.values[:, texts]
    as_text = np.where(np.isnan(codes), b"", np.nan_to_num(codes).astype("int64").astype("S20")).astype(object)
    data = catboost.FeaturesData(
        num_feature_data=np.clip(matrix.values[:, numbers], -_LARGEST, _LARGEST).astype("float32") if numbers else None,
        cat_feature_data=as_text if texts else None,
        num_feature_names=[str(index) for index in numbers] if numbers else None,
        cat_feature_names=[str(index) for index in texts] if texts else None,
    )
    return catboost.Pool(data, label=label)
