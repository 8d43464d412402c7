"""The one way from rows to predictions: columns in order -> transforms -> estimator -> calibration -> decision.

Training, evaluation, batch scoring and monitoring all predict with it, one row or many. It is kept as a JSON manifest,
LightGBM text, skops files and arrays; nothing is ever unpickled, and nothing is read before its hash was checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.hashing import bytes_hash, canonical_json, content_id
from ml_platform.declarations.model import Task
from ml_platform.models.bundled_code import Code
from ml_platform.models.calibration import Calibration
from ml_platform.models.decision import Decision
from ml_platform.models.estimators.base import Estimator, SavedEstimator
from ml_platform.models.estimators.registry import load_estimator
from ml_platform.models.inputs.columns import InputColumn, read_columns
from ml_platform.models.inputs.matrix import Matrix, MatrixColumn, encode, unlearned_nulls
from ml_platform.models.inputs.transforms import Transform, apply_transforms
from ml_platform.models.row_form import RowForm
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact, StoredObject

if TYPE_CHECKING:
    from ml_platform.project import Project

MANIFEST = "manifest.json"
CODE = "code/"


@dataclass(frozen=True)
class SavedPredictor:
    """A predictor in the store.

    Attributes
    ----------
    objects
        Its objects by name; inside an artifact the names are below the predictor's own.
    """

    id: str
    objects: Mapping[str, StoredObject]

    @property
    def size_mb(self) -> float:
        """Bytes of all objects, in millions."""
        return round(sum(stored.size for stored in self.objects.values()) / 1e6, 3)


@dataclass(frozen=True)
class Predictor:
    """A fitted predictor.

    Attributes
    ----------
    inputs
        Columns that rows must have, by name and type; their order in a frame does not matter.
    transforms
        The project's functions that add columns, in order.
    matrix
        What the estimator sees: columns in order, with the categories of strings as training knew them.
    classes
        The label's values in the order of the scores; empty for a regression.
    code
        The project's own code that takes part, as it was when the predictor was fitted.
    """

    task: Task
    inputs: tuple[InputColumn, ...]
    transforms: tuple[Transform, ...]
    matrix: tuple[MatrixColumn, ...]
    estimator: Estimator
    calibration: Calibration
    decision: Decision
    classes: tuple[Any, ...]
    code: Code

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a prediction for each row.

        Parameters
        ----------
        frame
            One row per prediction, with at least the columns of `inputs`; matched by name.

        Returns
        -------
        One row per row of `frame`, under its index. Two classes: ``score``, the probability of the label. Several:
        ``score.CLASS`` for each, and ``predicted``. Regression and quantile: ``score``, the prediction. Then
        ``action``, the recommended one, and ``expected_value`` in the project's currency; both are null for a
        regression, where the prediction itself is acted on.

        Raises
        ------
        PredictionError
            When columns are missing or of another type, or a transform fails.
        """
        return self.predict_actions(frame)[0]

    def predict_actions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return what `predict` returns, and what each action can be expected to earn, one column each."""
        numbered = frame.copy(deep=False)
        numbered.index = pd.RangeIndex(len(frame))
        rows = read_columns(numbered, self.inputs)
        scores = self.scores(rows)
        expected = self.decision.expected_values(rows, self._shares(scores), self.classes)
        predicted = pd.concat([self._named(scores), self.decision.best(expected)], axis=1).set_index(frame.index)
        return predicted, expected.set_index(frame.index)

    def expected_values(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what each action can be expected to earn on rows that were read by `read_columns`, one column each."""
        return self.decision.expected_values(rows, self._shares(self.scores(rows)), self.classes)

    def _shares(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each class, one column per class; of a regression the prediction."""
        return np.column_stack([1 - scores, scores]) if self.classes and scores.ndim == 1 else scores

    def _named(self, scores: np.ndarray) -> pd.DataFrame:
        if scores.ndim == 1:
            return pd.DataFrame({"score": scores})
        named = pd.DataFrame(scores, columns=[f"score.{label}" for label in self.classes])
        best = np.array(self.classes, dtype=object)[scores.argmax(axis=1)] if len(scores) else []
        return named.assign(predicted=pd.Series(best, index=named.index, dtype=object))

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        """Return calibrated scores of rows that were read by `read_columns`; one column per class where several."""
        if not len(rows):
            return np.empty((0, len(self.classes)) if len(self.classes) > 2 else 0)
        return self.calibration.apply(self.estimator.predict(self.encode(rows)))

    def encode(self, rows: pd.DataFrame) -> Matrix:
        """Return what the estimator sees of rows that were read by `read_columns`."""
        return encode(apply_transforms(rows, self.transforms), self.matrix)

    def unlearned_nulls(self, rows: pd.DataFrame) -> pd.Series:
        """Return for each row, as read by `read_columns`, which columns are null where training had no null."""
        return unlearned_nulls(apply_transforms(rows, self.transforms), self.matrix)

    def row_form(self) -> RowForm:
        """Return what predicts one row of plain values with the bits of `predict`; each thread needs its own."""
        return RowForm(
            self.inputs, self.transforms, self.matrix, self.estimator, self.calibration, self.decision, self.classes
        )

    @cached_property
    def id(self) -> str:
        """The hash of the normal form of everything that was fitted or declared, and of nothing else."""
        return _identity(self._facts, self.estimator.kind, self.estimator.state())

    @property
    def _facts(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "inputs": [[column.name, column.type] for column in self.inputs],
            "transforms": [[item.reference, [[c.name, c.type] for c in item.columns]] for item in self.transforms],
            "matrix": [column.to_json() for column in self.matrix],
            "calibration": self.calibration.to_json(),
            "decision": self.decision.to_json(),
            "classes": list(self.classes),
            "code": self.code.hashes,
        }

    def files(self) -> dict[str, bytes]:
        """Return the predictor at rest, by name; the manifest lists the other files with their hashes."""
        bundle = self.estimator.save()
        files = {**bundle.files, **{f"{CODE}{path}": source for path, source in self.code.files.items()}}
        manifest = {
            "id": self.id,
            "predictor": self._facts,
            "estimator": {"kind": self.estimator.kind, "facts": bundle.facts, "state": self.estimator.state()},
            "files": {name: bytes_hash(content) for name, content in files.items()},
        }
        return {**files, MANIFEST: canonical_json(manifest)}

    def save(self, store: ArtifactStore) -> SavedPredictor:
        """Write the predictor's objects and return their names."""
        return SavedPredictor(self.id, {name: store.put(content) for name, content in self.files().items()})


def load_predictor(project: Project, artifact: Artifact, name: str = "predictor") -> Predictor:
    """Return a predictor of a trained model.

    Before anything is loaded, every object's bytes are checked against their hash, and the manifest against the id
    under which the trained model knows the predictor; afterwards the loaded estimator must have the state that the
    manifest names. The trained model's own id follows from those ids, so a champion, whose id is in the database,
    cannot be exchanged in the store: neither its trees nor the code of its transforms.

    Parameters
    ----------
    artifact
        The trained model.
    name
        ``predictor``, ``refitted``, or ``baseline/NAME``.

    Raises
    ------
    ArtifactDamaged, ArtifactMissing, UntrustedContent
    """
    objects = {
        path.removeprefix(f"{name}/"): item for path, item in artifact.objects.items() if path.startswith(f"{name}/")
    }
    if MANIFEST not in objects:
        raise ArtifactMissing(name, artifact.id, project.store.url)
    manifest = TrainedModelManifest.of(artifact)
    _require_same(f"trained model {artifact.short_id}", artifact.id, manifest.id_of(artifact.inputs, artifact.objects))
    files = {path: project.store.read(stored) for path, stored in objects.items()}
    code = code_of(project, sources_of(files))
    return verified_predictor(
        name, f"{name} of trained model {artifact.short_id}", manifest.predictors[name], files, code
    )


def load_deployed(project: Project, artifact: Artifact) -> Predictor:
    """Return the predictor that is deployed, as `load_predictor` does: the refitted one where there is one."""
    return load_predictor(project, artifact, TrainedModelManifest.of(artifact).deployed)


def sources_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the project's own code among the files of a predictor."""
    return {path.removeprefix(CODE): files[path] for path in files if path.startswith(CODE)}


def verified_predictor(name: str, what: str, expected: str, files: Mapping[str, bytes], code: Code) -> Predictor:
    """Return the predictor of files whose bytes were checked; manifest, code and fitted state must be those of its id.

    Raises
    ------
    ArtifactDamaged
    """
    facts, estimator = _manifest(files[MANIFEST])
    _require_same(what, expected, _identity(facts, estimator["kind"], estimator["state"]))
    _require_same(f"the code of {name}", content_id(facts["code"]), content_id(code.hashes))
    predictor = _read(facts, estimator, files, code)
    _require_same(f"the estimator of {name}", content_id(estimator["state"]), content_id(predictor.estimator.state()))
    return predictor


def load_decision(project: Project, artifact: Artifact) -> Decision:
    """Return what the predictions of a trained model are worth, without loading its estimator.

    Raises
    ------
    ArtifactDamaged, ArtifactMissing
    """
    about = TrainedModelManifest.of(artifact)
    facts, estimator = _manifest(project.store.read(artifact.objects[f"{about.deployed}/{MANIFEST}"]))
    actual = _identity(facts, estimator["kind"], estimator["state"])
    _require_same(f"{about.deployed} of trained model {artifact.short_id}", about.predictors[about.deployed], actual)
    return Decision.from_json(facts["decision"])


def code_of(project: Project, files: Mapping[str, bytes]) -> Code:
    """Return kept code, ready to be loaded for this project."""
    return Code(files, project.root, project.state / "code")


def _require_same(what: str, expected: str, actual: str) -> None:
    if expected != actual:
        raise ArtifactDamaged(what, expected, actual)


def _manifest(content: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    manifest = json.loads(content)
    return manifest["predictor"], manifest["estimator"]


def _identity(facts: Mapping[str, Any], kind: str, state: Any) -> str:
    return content_id({**facts, "estimator": {"kind": kind, "state": state}})


def _read(facts: Mapping[str, Any], estimator: Mapping[str, Any], files: Mapping[str, bytes], code: Code) -> Predictor:
    return Predictor(
        task=facts["task"],
        inputs=tuple(InputColumn(name, kind) for name, kind in facts["inputs"]),
        transforms=tuple(
            Transform(
                reference,
                tuple(InputColumn(name, kind) for name, kind in columns),
                code.load(reference),
                code.load_row_form(reference),
            )
            for reference, columns in facts["transforms"]
        ),
        matrix=tuple(MatrixColumn.from_json(column) for column in facts["matrix"]),
        estimator=load_estimator(estimator["kind"], SavedEstimator(estimator["facts"], files), code),
        calibration=Calibration.from_json(facts["calibration"]),
        decision=Decision.from_json(facts["decision"]),
        classes=tuple(facts["classes"]),
        code=code,
    )
