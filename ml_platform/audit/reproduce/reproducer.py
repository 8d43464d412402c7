"""Reproducing a version: retrain it from its manifest, and compare the fitted state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.audit.reproduce.differences import Difference, changed_files, differences
from ml_platform.audit.reproduce.prediction_agreement import Agreement, agreement
from ml_platform.core.engines.scratch import scratch_folder
from ml_platform.core.errors import ArtifactDamaged, NotReproducible, PlatformError, listed
from ml_platform.core.hashing import canonical_json, content_id
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.datasets.snapshot.build import rebuild_snapshot
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.declarations.fingerprint import project_functions
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.models.bundled_code import Code
from ml_platform.models.environment import environment
from ml_platform.models.predictor import Predictor, load_deployed
from ml_platform.models.provenance import declared_files, equipment, kept_files, kept_spec
from ml_platform.models.train import KIND, Fitted, asked_of, fit_predictors
from ml_platform.models.tuning.apply import tuned_model
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifact_kinds.trained_model import PREDICTOR, RecordedProvenance, TrainedModelManifest
from ml_platform.storage.erasure_marks import marks_of
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    from ml_platform.project import Project
    from ml_platform.storage.versions import Version

TOLERANCE = 1e-6
"""How far a score may lie from what it was, where fitted state is not the same."""


@dataclass(frozen=True)
class Reproduction:
    """The outcome of retraining a version.

    Attributes
    ----------
    version
        Such as ``late_arrival@3``.
    fitted
        For the predictor and each baseline by name, whether its fitted state is what it was.
    snapshot
        Where the snapshot was rebuilt from its sources, whether it has the same id; else None.
    differences
        What took part then and is different now, the likeliest cause first: packages, machine, the platform's code.
    files
        Declared files of the project that have changed since.
    today
        Whether the files as they are now were used, instead of those that were kept.
    agreement
        Where the predictor's state differs, how far its predictions lie from what they were, on the test period.
    erased
        What can no longer be proved, since rows that it was trained on were erased.
    seed
        The seed that the fit was given.
    seed_matters
        Whether the predictor's fitted state is another with another seed; None where its state is not the same.
    """

    version: str
    trained_model: str
    snapshot_id: str
    commit: Mapping[str, Any] | None
    fitted: Mapping[str, bool]
    snapshot: bool | None
    differences: tuple[Difference, ...]
    files: tuple[Difference, ...]
    today: bool
    agreement: Agreement | None
    tolerance: float
    erased: tuple[str, ...] = ()
    seed: int = 0
    seed_matters: bool | None = None

    @property
    def same(self) -> bool:
        """Whether everything that was fitted has the state that it had."""
        return all(self.fitted.values()) and self.snapshot is not False

    @property
    def statement(self) -> str:
        """The outcome, in a sentence or two."""
        if self.same:
            return f"all of {listed(self.fitted)} have the same fitted state as before{self._about_seed()}"
        parts = [f"the fitted state of {name} differs" for name, same in self.fitted.items() if not same]
        if self.snapshot is False:
            parts.append("its snapshot, rebuilt from its sources, has another id")
        return f"{'; '.join(parts)}. {self._cause()}{self._effect()}"

    def _about_seed(self) -> str:
        if self.seed_matters is None:
            return ""
        if self.seed_matters:
            return f". It depends on the seed, {self.seed}: another seed gives another predictor"
        return f". It does not depend on the seed, {self.seed}: another seed gives the same predictor"

    def _cause(self) -> str:
        causes = [*self.erased, *(self.files if self.today else ()), *self.differences]
        if causes:
            return f"Differences: {listed(causes)}."
        return "No recorded difference: packages, machine, code and declarations are unchanged."

    def _effect(self) -> str:
        if self.agreement is None:
            return ""
        verdict = "within" if self.agreement.within(self.tolerance) else "not within"
        return (
            f" Scores on {self.agreement.rows:,} test rows differ by at most {self.agreement.largest:.3g}, and "
            f"{self.agreement.actions:,} recommended actions: {verdict} the tolerance of {self.tolerance:g}."
        )


def reproduce(
    project: Project, version: Version, *, today: bool = False, from_sources: bool = False, tolerance: float = TOLERANCE
) -> Reproduction:
    """Retrain a version from its manifest and compare the fitted state. No stored version or snapshot is changed.

    Parameters
    ----------
    today
        Use the project's declarations and code as they are now, instead of those that the manifest keeps.
    from_sources
        Rebuild the snapshot too, from the logs of its sources and its feature tables, and compare its id.
    tolerance
        How far a score may lie from what it was, where fitted state differs.

    Raises
    ------
    NotReproducible
        Where the manifest lacks what is needed.
    ArtifactMissing, ArtifactDamaged
        Naming the part that is not there, or not what it was; also where the manifest's parameters are not those of
        the declaration that it keeps.
    """
    trained = project.store.get(KIND, version.id)
    recorded = _recorded(str(version), trained)
    kept = kept_files(project, trained)
    with scratch_folder(private_temporary_folder()) as folder:
        then = kept_spec(project, str(version), kept, folder)
        _require_parameters(project, trained, then, version.model)
        spec = project.spec if today else then
        snapshot = load_snapshot(project, trained.inputs["snapshot"])
        fitted = _fit(project, version, spec, snapshot, trained)
        prepared, predictors = fitted.prepared, fitted.predictors
        same = _compared(trained, predictors)
        return Reproduction(
            version=str(version),
            trained_model=trained.id,
            snapshot_id=snapshot.id,
            commit=recorded.git.as_json() if recorded.git else None,
            fitted=same,
            snapshot=_same_snapshot(then, project, version.model, snapshot.id) if from_sources else None,
            differences=_differences(recorded, spec, prepared.model),
            files=tuple(changed_files(kept, declared_files(project.spec))),
            today=today,
            agreement=_agreed(project, trained, predictors, snapshot),
            tolerance=tolerance,
            erased=tuple(mark.description for mark in marks_of(project, KIND, trained.id)),
            seed=fitted.algorithm.seed,
            seed_matters=_seed_matters(fitted) if same[PREDICTOR] else None,
        )


def _differences(recorded: RecordedProvenance, spec: ProjectSpec, model: ModelSpec) -> tuple[Difference, ...]:
    return tuple(differences(recorded.as_json(), equipment(spec.file.threads), environment(model)))


def _agreed(
    project: Project, trained: Artifact, fitted: Mapping[str, Predictor], snapshot: Snapshot
) -> Agreement | None:
    """Return how far predictions of what is deployed agree; None where it is the same to the bit."""
    about = TrainedModelManifest.of(trained)
    refitted = fitted.get(about.deployed, fitted[PREDICTOR])
    if refitted.id == about.predictors[about.deployed]:
        return None
    return agreement(load_deployed(project, trained), refitted, snapshot.part("test"))


def _require_parameters(project: Project, trained: Artifact, spec: ProjectSpec, model: str) -> None:
    """Raise unless the parameters in a manifest equal those in the declaration, with those of its search."""
    declared = spec.models.get(model)
    expected = {} if declared is None else asked_of(spec, tuned_model(project, declared, trained.inputs))
    recorded = TrainedModelManifest.of(trained).as_json()
    for name, value in expected.items():
        kept = recorded.get(name)
        if canonical_json(kept) != canonical_json(value):
            what = f"manifest of {KIND} {trained.short_id}: {name} is {kept}, and its declaration has {value}; it"
            raise ArtifactDamaged(what, content_id(value), content_id(kept))


def _seed_matters(fitted: Fitted) -> bool:
    """Return whether a fit with another seed has another fitted state."""
    algorithm = fitted.algorithm
    other = fitted.prepared.fit(algorithm.model_copy(update={"seed": algorithm.seed + 1}), calibrated=True)
    return other.id != fitted.predictors[PREDICTOR].id


def _recorded(version: str, trained: Artifact) -> RecordedProvenance:
    recorded = TrainedModelManifest.of(trained).provenance
    if recorded is None:
        problem = "its manifest is from before provenance was recorded"
        raise NotReproducible(version, problem, "Retrain the model: its new version can be reproduced.")
    return recorded


def _fit(project: Project, version: Version, spec: ProjectSpec, snapshot: Snapshot, trained: Artifact) -> Fitted:
    if version.model not in spec.models:
        problem = f"the project no longer declares model {version.model}"
        raise NotReproducible(str(version), problem, "Leave --today out: its manifest keeps the declaration.")
    code = Code.read(spec.root, project_functions(spec, KIND, version.model), project.state / "code")
    model = tuned_model(project, spec.models[version.model], trained.inputs)
    try:
        return fit_predictors(spec, model, code, snapshot)
    except PlatformError as error:
        raise NotReproducible(str(version), f"retraining it fails: {error}", "Correct that first.") from error


def _compared(trained: Artifact, fitted: Mapping[str, Predictor]) -> dict[str, bool]:
    """Return for each predictor whether its state is what it was; one that only exists on one side differs."""
    known = TrainedModelManifest.of(trained).predictors
    return {name: name in fitted and fitted[name].id == known.get(name) for name in {**known, **fitted}}


def _same_snapshot(then: ProjectSpec, project: Project, model: str, id: str) -> bool:
    made = project.store.get("snapshot", id)
    as_of = datetime.fromisoformat(SnapshotManifest.of(made).as_of)
    return rebuild_snapshot(project.with_spec(then), model, made.inputs, as_of).id == id
