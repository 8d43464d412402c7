"""LightGBM: gradient-boosted trees, reproducible bit for bit, kept as text."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import bytes_hash
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Bundle, Fitting, shares
from ml_platform.models.inputs.matrix import Matrix

_FILE = "trees.txt"
_PARAMETERS = re.compile(r"^parameters:.*?^end of parameters\n", re.MULTILINE | re.DOTALL)
_OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression", "quantile": "quantile"}
_ROWS_WORTH_THREADS = 2000
_DIRECTIONS = {"increasing": 1, "decreasing": -1}


@dataclass(frozen=True)
class Trees:
    """A fitted LightGBM model.

    Attributes
    ----------
    text
        LightGBM's own text. Its categories are the platform's codes; what they stand for is in the manifest.
    """

    text: str
    booster: Any
    kind: ClassVar[str] = "lightgbm"

    @classmethod
    def fit(cls, fitting: Fitting) -> Trees:
        """Fit trees; with ``early_stopping_round`` their number is chosen on the validate stretch.

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
        stopping = "early_stopping_round" in params
        try:
            booster = lightgbm.train(params, train, rounds, valid_sets=[validate] if stopping else None)
        except (lightgbm.basic.LightGBMError, ValueError) as error:
            raise TrainingError(f"LightGBM cannot fit these rows with {dict(fitting.params)}: {error}") from None
        return cls.read(booster.model_to_string())

    @classmethod
    def load(cls, bundle: Bundle, code: Code | None = None) -> Trees:
        """Return the trees of a bundle, whose bytes were checked against their hash before."""
        return cls.read(bundle.files[_FILE].decode())

    @classmethod
    def read(cls, text: str) -> Trees:
        """Return the trees that `text` describes. A damaged text ends the process, so its hash is checked first."""
        lightgbm = import_lightgbm()
        return cls(text, lightgbm.Booster(model_str=text))

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""
        if not matrix.rows:
            return np.empty((0, self.booster.num_model_per_iteration())).squeeze(axis=1)
        threads = 1 if matrix.rows < _ROWS_WORTH_THREADS else 0
        return np.asarray(self.booster.predict(matrix.values, num_threads=threads))

    def state(self) -> Any:
        """Return the hash of the trees without the block that repeats the parameters (threads, file names)."""
        return {"trees": bytes_hash(_PARAMETERS.sub("", self.text).encode())}

    def save(self) -> Bundle:
        """Return the trees as text."""
        return Bundle({"iterations": self.iterations}, {_FILE: self.text.encode()})

    @property
    def iterations(self) -> int:
        """How many rounds of boosting the model keeps."""
        return int(self.booster.current_iteration())

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return each column's share of the gain over all splits."""
        return shares(names, self.booster.feature_importance("gain"))


def import_lightgbm() -> Any:
    """Return LightGBM, with threads that sleep while they wait for each other.

    By default they spin. Where several processes share the cores, a fit then takes six times as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when the library is loaded
    import lightgbm

    return lightgbm


def _params(fitting: Fitting) -> dict[str, Any]:
    params = dict(fitting.params)
    if "objective" in params and fitting.task != "regression":
        raise TrainingError(f"objective follows from task {fitting.task}, found {params['objective']}. Remove it.")
    params.setdefault("objective", _OBJECTIVES[fitting.task])
    if fitting.task == "multiclass":
        params["num_class"] = len(fitting.classes)
    if fitting.quantile is not None:
        params["alpha"] = fitting.quantile
    if fitting.monotone:
        params["monotone_constraints"] = _monotone(fitting.matrix.names, fitting.monotone)
    return {
        **params,
        "seed": fitting.seed,
        "num_threads": fitting.threads,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }


def _monotone(names: list[str], declared: Mapping[str, str]) -> list[int]:
    unknown = sorted(set(declared) - set(names))
    if unknown:
        raise TrainingError(f"monotone names {unknown[0]}, which is not a column of the matrix. Remove it.")
    return [_DIRECTIONS[declared[name]] if name in declared else 0 for name in names]


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
