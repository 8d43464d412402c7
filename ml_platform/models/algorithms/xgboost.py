"""XGBoost: gradient-boosted trees, reproducible bit for bit, kept as UBJSON. An extra of the platform installs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import bytes_hash
from ml_platform.declarations.algorithms import EVERY_TASK, ParamFault
from ml_platform.declarations.allowed_values import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE
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

_FILE = "trees.ubj"
_OBJECTIVES: Mapping[Task, str] = {
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
    "regression": "reg:squarederror",
    "quantile": "reg:quantileerror",
}
_ROUNDING = 1e-4
_LARGEST = 3.4e38
"""XGBoost sees numbers in 32 bits, and refuses infinity."""


@dataclass(frozen=True)
class XGBoost(Estimator):
    """A fitted XGBoost model.

    Attributes
    ----------
    content
        XGBoost's own binary form. Its categories are the platform's codes.
    """

    content: bytes
    booster: Any
    name: ClassVar[str] = "xgboost"
    tasks: ClassVar[frozenset[Task]] = EVERY_TASK
    libraries: ClassVar[tuple[str, ...]] = ("xgboost",)
    extra: ClassVar[str | None] = "xgboost"
    monotone: ClassVar[bool] = True
    stopping_param: ClassVar[str | None] = "early_stopping_rounds"
    rounds_param: ClassVar[str | None] = "n_estimators"
    params: ClassVar[Mapping[str, str]] = {
        "colsample_bylevel": FRACTION,
        "colsample_bynode": FRACTION,
        "colsample_bytree": FRACTION,
        "early_stopping_rounds": COUNT,
        "gamma": NOT_NEGATIVE,
        "grow_policy": "depthwise lossguide",
        "huber_slope": POSITIVE,
        "learning_rate": FRACTION,
        "max_bin": "int [2, inf)",
        "max_cat_threshold": COUNT,
        "max_cat_to_onehot": COUNT,
        "max_delta_step": NOT_NEGATIVE,
        "max_depth": "int [0, 50]",
        "max_leaves": "int [0, inf)",
        "min_child_weight": NOT_NEGATIVE,
        "n_estimators": COUNT,
        "objective": "reg:squarederror reg:squaredlogerror reg:absoluteerror reg:pseudohubererror reg:gamma "
        "reg:tweedie count:poisson",
        "reg_alpha": NOT_NEGATIVE,
        "reg_lambda": NOT_NEGATIVE,
        "scale_pos_weight": POSITIVE,
        "subsample": FRACTION,
        "tweedie_variance_power": "number (1, 2)",
    }
    other_names: ClassVar[Mapping[str, str]] = {
        "alpha": "reg_alpha",
        "early_stopping_round": "early_stopping_rounds",
        "eta": "learning_rate",
        "lambda": "reg_lambda",
        "min_split_loss": "gamma",
        "num_boost_round": "n_estimators",
        "num_iterations": "n_estimators",
    }

    @classmethod
    def set_by_task(cls, task: Task) -> Mapping[str, str]:
        """Return what follows from the task: the loss."""
        return {} if task == "regression" else {"objective": f"task {task}"}

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield parameters of a loss that is not fitted, and trees that end nowhere."""
        for param, loss in (("huber_slope", "reg:pseudohubererror"), ("tweedie_variance_power", "reg:tweedie")):
            if param in params and (task != "regression" or params.get("objective") != loss):
                yield param, f"belongs to objective {loss}. Remove it, or take that objective"
        if "scale_pos_weight" in params and task != "binary":
            yield "scale_pos_weight", f"belongs to binary models, found task {task}. Remove it"
        if params.get("max_depth") == 0 and not params.get("max_leaves"):
            yield "max_depth", "is 0, which means no limit, and needs max_leaves. Give it"

    @classmethod
    def monotone_fault(cls, params: Mapping[str, Any], task: Task) -> str | None:
        """Return why the loss cannot keep monotone columns: its leaves are fitted again after the trees are grown."""
        loss = "reg:quantileerror" if task == "quantile" else params.get("objective")
        if loss not in ("reg:quantileerror", "reg:absoluteerror"):
            return None
        return f"xgboost does not keep monotone for the loss {loss}. Remove monotone, or take another loss"

    @classmethod
    def fit(cls, fitting: FitRequest) -> XGBoost:
        """Fit trees; with ``early_stopping_rounds`` their number is chosen on the validate period.

        Raises
        ------
        TrainingError
            Where XGBoost is not installed, or refuses the parameters or the rows.
        """
        xgboost = import_extra("xgboost")
        params = _params(fitting)
        rounds, stopping = int(params.pop("n_estimators", 100)), params.pop("early_stopping_rounds", None)
        try:
            with xgboost.config_context(verbosity=0):
                train = _rows(fitting.matrix, fitting.threads, fitting.label)
                validate = _rows(fitting.validate, fitting.threads, fitting.validate_label) if stopping else None
                booster = xgboost.train(
                    params,
                    train,
                    rounds,
                    evals=[] if validate is None else [(validate, "validate")],
                    early_stopping_rounds=stopping,
                    verbose_eval=False,
                )
        except (xgboost.core.XGBoostError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise TrainingError(f"XGBoost cannot fit these rows with {dict(fitting.params)}: {reason}") from None
        kept = booster[: booster.best_iteration + 1] if stopping else booster
        kept.set_attr(best_iteration=None, best_score=None)
        return cls.read(bytes(kept.save_raw("ubj")))

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None = None) -> XGBoost:
        """Return the trees of a bundle, whose bytes were checked against their hash before."""
        return cls.read(bundle.files[_FILE])

    @classmethod
    def read(cls, content: bytes) -> XGBoost:
        """Return the trees of XGBoost's binary form."""
        booster = import_extra("xgboost").Booster({"nthread": 1, "verbosity": 0})
        booster.load_model(bytearray(content))
        return cls(content, booster)

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""
        return self._predicted(matrix)

    def predict_after(self, matrix: Matrix, rounds: int) -> np.ndarray:
        """Return the scores of every row by the first trees."""
        return self._predicted(matrix, iteration_range=(0, rounds))

    def _predicted(self, matrix: Matrix, **how: bool | tuple[int, int]) -> np.ndarray:
        import numpy as np

        predicted: np.ndarray = np.asarray(self.booster.predict(_rows(matrix, 1), **how), dtype="float64")
        return predicted

    def state(self) -> Any:
        """Return the hash of the trees; parameters such as threads are not among them."""
        return {"trees": bytes_hash(self.content)}

    def save(self) -> SavedEstimator:
        """Return the trees in XGBoost's binary form."""
        return SavedEstimator({"iterations": self.iterations}, {_FILE: self.content})

    @property
    def iterations(self) -> int:
        """How many rounds of boosting the model keeps."""
        return int(self.booster.num_boosted_rounds())

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return each column's share of the gain over all splits."""
        import numpy as np

        gain = self.booster.get_score(importance_type="total_gain")
        return shares(names, np.array([gain.get(f"f{index}", 0.0) for index in range(len(names))]))

    def contributions(self, matrix: Matrix) -> RawContributions | None:
        """Return XGBoost's contributions (Lundberg and others 2018); the base takes what 32 bits round away.

        None where base and amounts differ from the raw score by more than rounding.
        """
        import numpy as np

        raw = score_columns(self._predicted(matrix, output_margin=True))
        parts = self._predicted(matrix, pred_contribs=True).reshape(matrix.rows, raw.shape[1], -1)
        amounts, bases = parts[:, :, :-1], raw - parts[:, :, :-1].sum(axis=2)
        if (np.abs(bases - parts[:, :, -1]) > _ROUNDING * np.maximum(1.0, np.abs(parts).sum(axis=2))).any():
            return None
        return RawContributions(
            method="trees",
            note="XGBoost's own contributions (SHAP values of the trees): with the base, which takes their rounding to "
            "32 bits, they add up.",
            seen=matrix.decoded(),
            amounts=list(amounts.transpose(1, 0, 2)),
            base=list(bases.T),
            raw=list(raw.T),
        )


def _params(fitting: FitRequest) -> dict[str, Any]:
    params = {"objective": _OBJECTIVES[fitting.task], **fitting.params}
    if fitting.task == "multiclass":
        params["num_class"] = len(fitting.classes)
    if fitting.quantile is not None:
        params["quantile_alpha"] = fitting.quantile
    if fitting.monotone:
        params["monotone_constraints"] = tuple(monotone_signs(fitting.matrix.names, fitting.monotone))
    return {**params, "tree_method": "hist", "device": "cpu", "seed": fitting.seed, "nthread": fitting.threads}


def _rows(matrix: Matrix, threads: int, label: np.ndarray | None = None) -> Any:
    import numpy as np

    kinds = ["q" if column.categories is None else "c" for column in matrix.columns]
    return import_extra("xgboost").DMatrix(
        np.clip(matrix.values, -_LARGEST, _LARGEST),
        label=label,
        feature_types=kinds,
        enable_categorical=True,
        nthread=threads,
    )
