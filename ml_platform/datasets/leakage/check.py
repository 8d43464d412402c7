"""The leak guard: four checks of a snapshot, kept with it so that asking again costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pandas as pd

from ml_platform.core.errors import LeakFound, listed
from ml_platform.core.hashing import cache_key
from ml_platform.core.plain_values import json_value
from ml_platform.datasets.labels.states import LABEL
from ml_platform.datasets.leakage.label_copies import likeness
from ml_platform.datasets.leakage.label_rows import KNOWN_FROM, label_columns, truth_of
from ml_platform.datasets.leakage.label_timing import settled_rows
from ml_platform.datasets.leakage.missingness import is_no_chance, one_sided
from ml_platform.datasets.leakage.single_feature import read_column, strength
from ml_platform.datasets.left_out import EFFECTIVE_TIME, PREDICTION_TIME
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features
from ml_platform.project import Project
from ml_platform.sources.checks.results import CheckResult, Severity, sample_rows
from ml_platform.storage.artifact_kinds.checks import ChecksManifest
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.manifest import Artifact

SINGLE, COPY, NULLNESS, SETTLED = "single_feature", "copy_of_label", "nullness", "label_known_before"
LEAK_CHECKS = (SINGLE, COPY, NULLNESS, SETTLED)
_KIND, _VERSION = "checks", "leaks-2"
_SHOWN = 5
_WORTH_A_LOOK = 0.9


def check_leaks(
    project: Project, model_name: str, snapshot_id: str, read: Callable[[], Snapshot] | None = None
) -> tuple[CheckResult, ...]:
    """Return what the four checks find in a snapshot; what was found in the same one is not sought again.

    Parameters
    ----------
    read
        Gives the snapshot to those who need it anyway; without it, it is read where it is needed.

    Raises
    ------
    ArtifactMissing
        Where the snapshot, or the label's source that it was made from, is not in the store.
    """
    key = _key(project, model_name, snapshot_id)
    found = project.store.find(_KIND, key)
    if found is None:
        model = project.spec.models[model_name]
        made = project.store.get("snapshot", snapshot_id)
        source, as_of = (
            made.inputs[NodeName("source", model.label.source)],
            datetime.fromisoformat(SnapshotManifest.of(made).as_of),
        )
        snapshot = read() if read else load_snapshot(project, snapshot_id)
        truth = truth_of(project, model_name, source, snapshot.frame, as_of)
        results = find_leaks(project.spec, model, snapshot, truth, label_columns(project, model_name))
        manifest = ChecksManifest(results=tuple(json_value(asdict(result)) for result in results))
        found = project.store.add(manifest, key, inputs={"snapshot": snapshot_id})
    return _results(found)


def known_leaks(project: Project, model_name: str, snapshot_id: str) -> tuple[CheckResult, ...] | None:
    """Return what the checks found in a snapshot; None where it was not sought by this declaration yet."""
    found = project.store.find(_KIND, _key(project, model_name, snapshot_id))
    return None if found is None else _results(found)


def _key(project: Project, model_name: str, snapshot_id: str) -> str:
    model = project.spec.models[model_name]
    declared = {"leaks": deciding(model.leaks), "label": deciding(model.label), "task": model.task}
    features = list(expand_features(project.spec, model))
    return cache_key(_KIND, {**declared, "features": features}, _VERSION, {"snapshot": snapshot_id})


def _results(found: Artifact) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(**result) for result in ChecksManifest.of(found).results)


def require_no_leaks(
    project: Project, model_name: str, snapshot_id: str, read: Callable[[], Snapshot] | None = None
) -> None:
    """Refuse a snapshot that must not be trained on. `read` is what it is for `check_leaks`.

    Raises
    ------
    LeakFound
        Naming each feature, its figure and the limit.
    """
    results = [result for result in check_leaks(project, model_name, snapshot_id, read) if result.blocks]
    if results:
        raise LeakFound(model_name, [str(result.summary["problem"]) for result in results])


def find_leaks(
    spec: ProjectSpec, model: ModelSpec, snapshot: Snapshot, truth: pd.DataFrame, label_reads: Sequence[str]
) -> tuple[CheckResult, ...]:
    """Return the results of the four checks.

    Parameters
    ----------
    truth
        What the label was made of, in the order of the snapshot's rows
        (`ml_platform.datasets.leakage.label_rows.truth_of`).
    label_reads
        The columns that the label's expression reads.
    """
    guard = _Guard(spec, model, snapshot, truth, tuple(label_reads))
    return (guard.single_feature(), guard.copies(), guard.nullness(), guard.settled())


@dataclass(frozen=True)
class _Guard:
    spec: ProjectSpec
    model: ModelSpec
    snapshot: Snapshot
    truth: pd.DataFrame
    label_reads: tuple[str, ...]

    @cached_property
    def features(self) -> list[str]:
        return list(expand_features(self.spec, self.model))

    @cached_property
    def train(self) -> pd.DataFrame:
        return self.snapshot.part("train")

    @cached_property
    def validate(self) -> pd.DataFrame:
        return self.snapshot.part("validate")

    def _is_allowed(self, feature: str) -> bool:
        allowed = self.model.leaks.allow
        return feature in allowed or f"{feature.partition('.')[0]}.*" in allowed

    def _figure(self, feature: pd.Series, later: pd.Series) -> float | None:
        is_number = self.model.task in ("regression", "quantile")
        return strength(read_column(feature, later), self.train[LABEL], self.validate[LABEL], is_number=is_number)

    @property
    def _unit(self) -> str:
        return "variance explained" if self.model.task in ("regression", "quantile") else "AUC"

    def single_feature(self) -> CheckResult:
        """Each feature alone, against the declared limit."""
        found = {name: self._figure(self.train[name], self.validate[name]) for name in self.features}
        return self._against_limit(SINGLE, found, "alone tells the label too well")

    def nullness(self) -> CheckResult:
        """Whether a value is missing, alone, and rows without a value that all have one label."""
        frame = self.snapshot.frame
        holed = [name for name in self.features if frame[name].isna().any()]
        found = {name: self._figure(self.train[name].isna(), self.validate[name].isna()) for name in holed}
        result = self._against_limit(NULLNESS, found, "tells the label too well by being missing")
        told = []
        for name in holed:
            side = one_sided(frame[name], frame[LABEL])
            if side is not None and is_no_chance(side, len(holed)) and not self._is_allowed(name):
                share = f"{side.share_elsewhere:.1%} of the others"
                told.append(f"{name} is missing in {side.rows} rows, all with label {_said(side.label)} ({share})")
        if not told:
            return result
        before = [str(result.summary["problem"])] if result.blocks else []
        problem = "; ".join([*before, listed(told, limit=_SHOWN)])
        return CheckResult(NULLNESS, False, "error", {**result.summary, "problem": problem})

    def _against_limit(self, name: str, found: Mapping[str, float | None], what: str) -> CheckResult:
        limit = self.model.leaks.single_feature
        known = sorted(((figure, feature) for feature, figure in found.items() if figure is not None), reverse=True)
        strongest = [{"feature": feature, self._unit: round(figure, 4)} for figure, feature in known[:_SHOWN]]
        summary: dict[str, Any] = {"limit": f"{self._unit} below {limit:g}", "strongest": strongest}
        levels: tuple[tuple[float, Severity], ...] = ((limit, "error"), (min(limit, _WORTH_A_LOOK), "warn"))
        for least, severity in levels:
            over = [(figure, feature) for figure, feature in known if figure >= least and not self._is_allowed(feature)]
            if over:
                told = listed((f"{feature} ({self._unit} {figure:.3f})" for figure, feature in over), limit=_SHOWN)
                return _failed(name, severity, f"{told} {what}: from {least:g} on", summary)
        return CheckResult(name, True, summary=summary)

    def copies(self) -> CheckResult:
        """Features that follow from the label, or from the column that it is made of."""
        frame = self.snapshot.frame
        truths = {
            "the label": frame[LABEL],
            **{f"{self.model.label.source}.{c}": self.truth[c] for c in self.label_reads},
        }
        certain: list[str] = []
        likely: list[str] = []
        for feature in self.features:
            if self._is_allowed(feature):
                continue
            for name, values in truths.items():
                how = likeness(frame[feature], values)
                if how is not None:
                    alone = name == "the label" or len(self.label_reads) == 1
                    (certain if alone else likely).append(f"{feature} is {how} {name}")
                    break
        summary = {"compared": len(self.features), "with": list(truths)}
        if certain or likely:
            return _failed(COPY, "error" if certain else "warn", listed(certain or likely, limit=_SHOWN), summary)
        return CheckResult(COPY, True, summary=summary)

    def settled(self) -> CheckResult:
        """Rows that were asked about when their label was known, or when it had happened."""
        frame, found = self.snapshot.frame, settled_rows(self.snapshot.frame, self.truth)
        counts = {
            "rows": len(frame),
            "known_before": int(found.known.sum()),
            "happened_before": int(found.happened.sum()),
            "no_answer": self._about_events_before(),
        }
        if counts["no_answer"] and not found.known.any():
            told = (
                f"the label rows of {counts['no_answer']} rows are about events before the batch run, and became known"
            )
            return _failed(SETTLED, "warn", f"{told} afterwards: they are no answers and were ignored", counts)
        if LABEL in self.model.leaks.allow or found.develops or not (found.known.any() or found.happened.any()):
            return CheckResult(SETTLED, True, summary=counts)
        certain = bool(found.known.any())
        late, what = (found.known, "known") if certain else (found.happened, "there, though not known,")
        keys = self.spec.file.entities[self.model.population.entity]
        known_at = {"label_known_at": self.truth[late][KNOWN_FROM]}
        rows = sample_rows(frame[late][[*keys, PREDICTION_TIME, EFFECTIVE_TIME]].assign(**known_at))
        problem = f"the label of {late.sum()} of {len(frame)} rows was {what} when they were asked about"
        return _failed(SETTLED, "error" if certain else "warn", problem, counts, rows)

    def _about_events_before(self) -> int:
        """Return how many rows have a label row that is no answer, since its event lies before the question."""
        about = self.snapshot.about
        return sum(int(about.get(part, {}).get("label_before", 0)) for part in ("dropped", "negatives"))


def _failed(
    name: str, severity: Severity, problem: str, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()
) -> CheckResult:
    return CheckResult(name, False, severity, {**summary, "problem": problem}, rows)


def _said(value: object) -> str:
    return str(value).lower() if str(value) in ("True", "False") else str(value)
