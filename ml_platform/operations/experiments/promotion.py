"""Promoting an experiment: its change becomes the project's, and its trained model is taken over where it can be.

The next run looks for a trained model by its key. Where the key of the experiment's model is the one that the run will
look for, the model is copied into production's store, and the run trains nothing.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ml_platform.core.errors import ArtifactMissing
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.load.load import load_project
from ml_platform.models.provenance import declared_files
from ml_platform.operations.experiments.changed import needed_nodes
from ml_platform.operations.experiments.listing import Experiment
from ml_platform.operations.experiments.request import WithoutSecrets
from ml_platform.operations.experiments.space import ExperimentError, files_below, keep_files
from ml_platform.operations.experiments.taken_over import copy_artifacts
from ml_platform.operations.planning.trained_model_there import Reusable, find_model
from ml_platform.project import Project
from ml_platform.storage.artifacts import ArtifactStore


@dataclass(frozen=True)
class FileChange:
    """A file of the project that the experiment changes; `before` or `after` is None where there is none."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        texts = [(content or b"").decode(errors="replace").splitlines(keepends=True) for content in self._both]
        names = [
            f"{side}/{self.path}" if content is not None else "/dev/null"
            for side, content in zip("ab", self._both, strict=True)
        ]
        lines = (
            text if text.endswith("\n") else f"{text}\n"
            for text in difflib.unified_diff(texts[0], texts[1], names[0], names[1])
        )
        return "".join(lines)

    @property
    def _both(self) -> tuple[bytes | None, bytes | None]:
        return self.before, self.after


@dataclass(frozen=True)
class ModelPromotion:
    """What becomes of one model of an experiment.

    Attributes
    ----------
    reusable
        The trained model that the next run will find; None where it will train another one.
    reason
        Why it is taken over, or why not.
    """

    model: str
    reusable: Reusable | None
    reason: str

    @property
    def taken_over(self) -> bool:
        """Whether the next run trains nothing."""
        return self.reusable is not None


@dataclass(frozen=True)
class Promotion:
    """What promoting an experiment would do."""

    experiment: Experiment
    files: tuple[FileChange, ...]
    models: tuple[ModelPromotion, ...]


def plan_promotion(project: Project, experiment: Experiment) -> Promotion:
    """Return what promoting an experiment would change in the project, and which of its trained models it takes over.

    Raises
    ------
    ExperimentError
        Where it has no result, or a file was changed both in the experiment and in the project.
    DeclarationError
        Where the project with the change would not be valid.
    """
    if not experiment.models():
        raise ExperimentError(f"experiment {experiment.name} has no result to promote: it {experiment.state}.")
    files = tuple(_changes(project, experiment))
    after = declared_files(project.spec) | {change.path: change.after for change in files}
    with TemporaryDirectory() as folder:
        changed = _with_files(project, {path: text for path, text in after.items() if text is not None}, Path(folder))
        tried = ArtifactStore(str(experiment.space.store))
        models = [
            _of_model(project, changed, tried, experiment, name)
            for name in experiment.models()
            if name in changed.spec.models
        ]
    return Promotion(experiment, files, tuple(models))


def carry_out(project: Project, promotion: Promotion) -> None:
    """Copy trained models that are taken over into production's store, then write the changed files.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
        Where a file of the experiment is not what was written: nothing is changed then.
    """
    tried = ArtifactStore(str(promotion.experiment.space.store))
    for model in promotion.models:
        if model.reusable is not None:
            copy_artifacts(tried, project.store, model.reusable)
    with shared_as_wanted():
        for change in promotion.files:
            file = project.root / change.path
            if change.after is None:
                file.unlink(missing_ok=True)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(change.after)


def _changes(project: Project, experiment: Experiment) -> Iterator[FileChange]:
    """Yield the changes between the project as it was when the experiment was made, and the experiment."""
    base, tried = files_below(experiment.space.base), files_below(experiment.space.declared)
    both = []
    for path in sorted({*base, *tried}):
        before, after = base.get(path), tried.get(path)
        present = _content(project.root / path)
        if before == after or present == after:
            continue
        if present != before:
            both.append(path)
        yield FileChange(path, present, after)
    if both:
        raise ExperimentError(
            f"experiment {experiment.name} and the project changed the same files since then: {', '.join(both)}. "
            "Change them by hand, or try the project as it is now."
        )


def _content(path: Path) -> bytes | None:
    return path.read_bytes().replace(b"\r\n", b"\n") if path.is_file() else None


def _with_files(project: Project, files: Mapping[str, bytes], folder: Path) -> Project:
    """Return the project with other declared files, over the same stores."""
    keep_files(files, folder)
    spec = load_project(folder, WithoutSecrets(os.environ))
    return project.with_spec(replace(spec, file=spec.file.model_copy(update={"storage": project.spec.file.storage})))


def _of_model(
    project: Project, changed: Project, tried: ArtifactStore, experiment: Experiment, name: str
) -> ModelPromotion:
    unread = [source for source in _sources_of(changed, name) if source in experiment.record["ingested"]]
    if unread:
        reason = f"a run must first read {_listed(unread)} by the new declaration: it trains on these rows"
        return ModelPromotion(name, None, reason)
    reusable = find_model(changed, tried, name, project.clock.now())
    if isinstance(reusable, str):
        return ModelPromotion(name, None, reusable)
    if reusable.id != experiment.result(name)["trained_model"]:
        return ModelPromotion(name, None, "its declarations or data are not those of the experiment any more")
    try:
        project.store.get("trained_model", reusable.id)
        return ModelPromotion(name, reusable, "production has this trained model already")
    except ArtifactMissing:
        return ModelPromotion(name, reusable, "the trained model of the experiment is the one that a run would train")


def _sources_of(project: Project, model: str) -> Sequence[str]:
    nodes = needed_nodes(build_graph(project.spec), [model])
    return [name.subject for name in nodes if name.kind == "source"]


def _listed(names: Sequence[str]) -> str:
    return f"source {names[0]}" if len(names) == 1 else f"sources {', '.join(names)}"
