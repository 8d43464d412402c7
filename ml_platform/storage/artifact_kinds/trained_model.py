"""A trained model: the fitted predictor, its baselines, and what they were fitted with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Strict

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.figures import Number
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, JsonByName, Pair, Part
from ml_platform.storage.manifest import StoredObject

PREDICTOR, REFITTED = "predictor", "refitted"
"""The names of the predictor that is evaluated, and of the one that is deployed in its place after a refit."""


class Baseline(Part):
    """A baseline that was fitted on the same rows."""

    name: str
    algorithm: str


class MatrixColumnFacts(Part):
    """A column of the model's matrix; `categories` is None for a number."""

    name: str
    categories: int | None


class FittedLabel(Part):
    """The label of the rows that were fitted: the classes with their rows, or figures of a number."""

    classes: Items[Annotated[tuple[str | int | float | bool, int], Strict(False)]] | None = None
    mean: Number | None = None
    std: Number | None = None
    min: Number | None = None
    median: Number | None = None
    max: Number | None = None


class Rung(Part):
    """One algorithm of a choice, by its name among the baselines.

    Attributes
    ----------
    gain
        A row, over doing nothing, on the rows of the validate period that have a value for every algorithm.
    """

    name: str
    gain: Number


class Choice(Part):
    """What each algorithm earned, the simplest first, and which was chosen.

    Attributes
    ----------
    margin
        How much of the best gain the chosen one may lack, as a share.
    rows
        How many rows of the validate period were valued.
    chosen, algorithm
        The name of the chosen one among the baselines, and its algorithm.
    """

    rungs: Items[Rung]
    margin: Number
    rows: int
    chosen: str
    algorithm: str


class Refit(Part):
    """The second fit of a model, after everything was chosen: what is deployed.

    Attributes
    ----------
    on
        The rows as the declaration names them: ``train+validate``, or ``all``.
    rows
        How many rows it was fitted on.
    until
        The last batch run of these rows.
    iterations
        How many rounds of boosting it was given, where early stopping had chosen them before.
    calibration
        Which calibrator was fitted for it, on the scores of test rows by a fit on earlier rows; None for none.
    calibration_rows
        On how many of them.
    notes
        What a reader should know of it.
    """

    on: str
    rows: int
    until: str
    iterations: int | None = None
    calibration: str | None = None
    calibration_rows: int | None = None
    notes: Items[str] = ()

    @property
    def fitted_text(self) -> str:
        """What the second fit learned from."""
        periods = "train and validate" if self.on == "train+validate" else "train, validate and test"
        return f"{self.rows:,} rows of {periods}, up to {self.until[:10]}"

    @property
    def text(self) -> str:
        """What is deployed, and what the evaluation judged, in sentences."""
        return (
            f"What is deployed is a refit, on {self.fitted_text}. The evaluation judged the fit before, which knew no "
            "test row."
        )

    @property
    def reason(self) -> str:
        """The same as the end of a list of reasons."""
        return f"deployed is its refit on {self.fitted_text}; the figures are those of the fit before"


class GitState(Part):
    """The commit that the project was at, and which of the files that took part differed from it."""

    commit: str
    dirty: bool
    changed: Items[str]


class Machine(Part):
    """The machine of a fit, as far as its last bits can depend on it."""

    architecture: str
    system: str
    cpu: str
    cpu_class: str
    cores: int | None
    libc: str
    blas: Items[str]


class RecordedProvenance(Part):
    """Everything that took part in a training beside its snapshot.

    Attributes
    ----------
    git
        None outside a repository.
    lock
        The hash of each lock file.
    packages
        The version of each installed package.
    platform
        The hash of the platform's own code.
    """

    git: GitState | None
    lock: dict[str, str]
    packages: dict[str, str]
    platform: str
    machine: Machine
    threads: int


class TrainedModelManifest(ArtifactKind):
    """What the manifest of a trained model holds.

    Attributes
    ----------
    declaration
        The id of the part of the declaration that decides what is fitted.
    inputs
        The type of each column that the predictor reads.
    importances
        Columns with their shares, the most important first.
    rows
        By period of the split.
    until
        The last batch run of the rows that it was fitted on.
    predictors
        The ids of the predictor and of each baseline.
    choice
        Where the declaration has ``choose``: what each algorithm earned on the validate period, and the chosen one.
        ``algorithm`` is the declared one. Where another was chosen, that one is the predictor ``declared_algorithm``.
    refit
        Where the declaration has ``refit``: the rows of the second fit, which is the predictor ``refitted``. What else
        the manifest holds is about the first fit, which was evaluated.
    seconds
        How long all fits took.
    environment, provenance
        Libraries and machine; commit, packages and files.
    """

    name: ClassVar[str] = "trained_model"
    retention = "trained_models"
    persons = "learnt"
    after_erasure = "erased from its training snapshot: the model can no longer be reproduced exactly"

    model: str
    declaration: str
    task: str
    algorithm: str
    params: JsonByName
    seed: int
    threads: int
    calibration: str | None
    baselines: Items[Baseline]
    inputs: dict[str, str]
    columns: Items[MatrixColumnFacts]
    importances: Items[Pair]
    iterations: int | None
    notes: Items[str]
    rows: dict[str, int]
    until: str
    label: FittedLabel
    predictors: dict[str, str]
    size_mb: dict[str, float]
    environment: dict[str, str]
    provenance: RecordedProvenance | None = None
    choice: Choice | None = None
    refit: Refit | None = None
    seconds: float | None = None

    @property
    def deployed(self) -> str:
        """The name of the predictor that is deployed: the refitted one where there is one."""
        return PREDICTOR if self.refit is None else REFITTED

    @property
    def deployed_id(self) -> str:
        """The id of the predictor that is deployed."""
        return self.predictors[self.deployed]

    @property
    def knows_until(self) -> str:
        """The last batch run of the rows that the deployed predictor was fitted on."""
        return self.until if self.refit is None else self.refit.until

    @property
    def known_rows(self) -> dict[str, int]:
        """The rows that the deployed predictor was fitted on, by their purpose."""
        return self.rows if self.refit is None else {"refit": self.refit.rows}

    @property
    def fitted_algorithm(self) -> str:
        """The algorithm of the predictor: the declared one, or the one that was chosen."""
        return self.algorithm if self.choice is None else self.choice.algorithm

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of the model's name and the fitted state of the predictor and of each baseline.

        The name takes part, since two models with the same rows and payoffs are fitted to the same state, and each has
        versions, evaluations and a champion of its own.
        """
        return content_id({"model": self.model, "predictors": self.predictors})
