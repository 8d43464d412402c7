"""Evaluation: champion, challenger, baselines and doing nothing on identical rows, in metrics and in money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, EvaluationError, PlatformError
from ml_platform.core.hashing import format_instant
from ml_platform.datasets.snapshot.boundaries import Part
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.ladder import simpler_than
from ml_platform.models.train import KIND as TRAINED_MODEL
from ml_platform.registry.evaluation.candidates import (
    ANCHOR,
    CHALLENGER,
    CHAMPION,
    DO_NOTHING,
    Contender,
    EvaluationRows,
    Role,
    actions_taken,
    baselines,
    contender,
    doing_nothing,
    earned_elsewhere,
    plain,
    require_values,
)
from ml_platform.registry.evaluation.curves import curves_of
from ml_platform.registry.evaluation.intervals import earnings
from ml_platform.registry.evaluation.reasons import recorded_reasons
from ml_platform.registry.evaluation.release_rules import (
    judge_gates,
    judge_release,
    margin_of,
    requirements,
    rule_name,
    verdict_of,
)
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized

if TYPE_CHECKING:
    from ml_platform.project import Project
from ml_platform.registry.evaluation.fairness import fairness_figures, fairness_of
from ml_platform.registry.evaluation.figures import ahead_of, compared_with, label_spread, value_figures
from ml_platform.registry.evaluation.key import KIND, evaluation_key, inputs_of
from ml_platform.registry.evaluation.notes import (
    notes_on_earlier_versions,
    notes_on_label,
    notes_on_problems,
    notes_on_refits,
    notes_on_rows,
    notes_on_value,
)
from ml_platform.registry.evaluation.slices import slice_figures, slice_masks, slice_results
from ml_platform.storage.artifact_kinds.evaluation import (
    AnchorResult,
    Comparison,
    ContenderResult,
    EvaluationManifest,
    ReleaseFacts,
    ReleaseResult,
)
from ml_platform.storage.artifact_kinds.trained_model import PREDICTOR, TrainedModelManifest

OTHER_ROWS = 20_000
"""How many rows before the test are looked at to learn how large and how rare gains are."""


def evaluate_model(
    project: Project,
    model_name: str,
    trained_id: str,
    snapshot_id: str,
    champion_id: str | None,
    anchor_id: str | None = None,
) -> Materialized:
    """Compare a trained model with its rivals on the test period of a snapshot.

    The artifact is of kind ``evaluation``. Its ``about`` holds ``contenders`` (figures, value, intervals),
    ``figures`` of the challenger, ``gates``, ``release``, ``verdict`` (``deploy``, ``keep``, ``deploy none``, or
    ``same`` for the champion itself), ``reasons`` that name figure and limit, and ``curves`` for pictures.

    Parameters
    ----------
    trained_id
        The challenger.
    champion_id
        The trained model that is deployed now, or None.
    anchor_id
        The last version that won outright; the champion where none is named.

    Raises
    ------
    EvaluationError
        When no test row can be valued.
    ArtifactMissing, ArtifactDamaged
        When a contender's predictor does not match its id.
    """
    inputs = inputs_of(trained_id, snapshot_id, champion_id, anchor_id)
    key = evaluation_key(project, model_name, trained_id, snapshot_id, champion_id, anchor_id)
    evaluation = project.store.find(KIND, key)
    if evaluation is not None:
        return Materialized(evaluation, reused=True)
    manifest = _Evaluation(project, model_name, inputs).manifest()
    return Materialized(project.store.add(manifest, key, inputs=inputs), reused=False)


class _Evaluation:
    """One evaluation at work; `manifest` is what it comes to."""

    def __init__(self, project: Project, model_name: str, inputs: Mapping[str, str]) -> None:
        self._project, self._model = project, project.spec.models[model_name]
        self._currency = project.spec.unit_of_value(model_name)
        self._trained = project.store.get(TRAINED_MODEL, inputs["trained_model"])
        self._same = inputs["champion"] == self._trained.id
        self._champion, self._anchor = (self._trained_model(inputs[role]) for role in (CHAMPION, ANCHOR))
        test = load_snapshot(project, inputs["snapshot"], ("test",)).part("test")
        self._rows = EvaluationRows.read(project.spec, self._model, test)
        if not len(self._rows.frame):
            raise EvaluationError(f"{model_name}: the test period has no row. Lengthen split.test.")
        self._problems: dict[str, str] = {}
        self._contenders = self._run()
        self._unvalued = np.isnan(np.column_stack([item.value for item in self._contenders])).any(axis=1)
        self._is_repeated = self._rows.is_repeated(project.spec)
        self._valued = ~self._unvalued & ~self._is_repeated
        values = {item.name: item.value[self._valued] for item in self._contenders}
        require_values(self._rows, values)
        rows = values, self._rows.days[self._valued], self._rows.entities(project.spec)[self._valued]
        fixed, horizon = self._model.value.entities == "fixed", self._model.label.horizon
        self._earned = earnings(*rows, None, self._elsewhere(inputs["snapshot"]), fixed, horizon)
        self._fairness = fairness_of(self._rows, self._contenders[0], self._valued) if self._model.protected else ()
        self._slices = slice_results(self._slice_masks(), *rows, fixed=fixed, horizon=horizon)

    def _trained_model(self, id: str) -> Artifact | None:
        return self._project.store.get(TRAINED_MODEL, id) if id else None

    def _run(self) -> list[Contender]:
        contenders = [contender(self._project, self._rows, CHALLENGER, "challenger", self._trained, PREDICTOR)]
        if self._champion is not None and not self._same:
            contenders += self._rival(CHAMPION, "champion", self._champion)
        others = {self._trained.id, self._champion.id if self._champion else ""}
        if self._anchor is not None and self._anchor.id not in others:
            contenders += self._rival(ANCHOR, "anchor", self._anchor)
        return [*contenders, *baselines(self._project, self._rows, self._trained), doing_nothing(self._rows)]

    def _rival(self, name: str, role: Role, trained: Artifact) -> list[Contender]:
        """Return a former version on these rows; nothing, and the problem kept, where it cannot be run on them."""
        try:
            return [contender(self._project, self._rows, name, role, trained, PREDICTOR)]
        except (ArtifactDamaged, ArtifactMissing):
            raise
        except PlatformError as error:
            self._problems[name] = str(error).rstrip(".")
            return []

    def _elsewhere(self, snapshot_id: str) -> list[dict[str, np.ndarray]]:
        """Return what the contenders would have earned on a sample of the rows before the test."""
        parts: tuple[Part, ...] = ("train", "validate")
        snapshot = load_snapshot(self._project, snapshot_id, parts, OTHER_ROWS)
        frame = pd.concat([snapshot.part(part) for part in parts], ignore_index=True)
        if frame.empty:
            return []
        step = -(-len(frame) // OTHER_ROWS)
        rows = EvaluationRows.read(self._project.spec, self._model, frame.iloc[::step], step)
        asked = [(item.name, item.id, item.role) for item in self._contenders if item.id is not None]
        owners = {item.id: item for item in (self._trained, self._champion, self._anchor) if item is not None}
        named = [(name, owners[id], name if role == "baseline" else PREDICTOR) for name, id, role in asked]
        return [earned_elsewhere(self._project, rows, named)]

    def _slice_masks(self) -> dict[str, np.ndarray]:
        declared, owner = self._model.slices or {}, self._model.population.owner
        return {name: mask[self._valued] for name, mask in slice_masks(declared, owner, self._rows.frame)}

    def manifest(self) -> EvaluationManifest:
        figures = self._figures(self._contenders[0]) | fairness_figures(self._fairness)
        figures |= slice_figures(self._slices) if self._model.slices else {}
        gates = judge_gates(self._model, figures)
        release = self._release()
        frame = self._rows.frame
        made = EvaluationManifest(
            model=self._model.name,
            task=self._model.task,
            currency=self._currency,
            rows=len(frame),
            rows_valued=self._earned.rows,
            days=self._earned.days,
            start=self._start(),
            end=format_instant(frame["effective_time"].max().to_pydatetime()),
            label=label_spread(self._rows.label),
            contenders=tuple(self._contender(item) for item in self._contenders),
            figures=figures,
            gates=tuple(gates),
            release=release,
            verdict=verdict_of(gates, release, same=self._same, comparable=self._champion_is_comparable()),
            reasons=recorded_reasons(gates, release, self._currency),
            notes=tuple(self._notes()),
            curves=curves_of(self._rows, self._contenders[0], self._contenders),
        )
        return made.but(slices=tuple(self._slices) if self._model.slices else None, fairness=self._fairness or None)

    def _start(self) -> str:
        return format_instant(self._rows.frame["effective_time"].min().to_pydatetime())

    def _contender(self, item: Contender) -> ContenderResult:
        ahead = ahead_of(self._earned, item.name) if item.name != CHALLENGER else None
        basis = self._earned.difference(item.name, DO_NOTHING).basis() if item.name != DO_NOTHING else None
        result = ContenderResult(
            name=item.name, role=item.role, id=item.id, figures=self._figures(item), actions=actions_taken(item)
        )
        return result.but(challenger_ahead=ahead, interval=basis)

    def _figures(self, item: Contender) -> dict[str, float | None]:
        figures = {name: plain(figure) for name, figure in item.figures.items()}
        figures |= value_figures(self._earned, item.name)
        if item.role != "do_nothing":
            owner = {CHAMPION: self._champion, ANCHOR: self._anchor}.get(item.name) or self._trained
            about = TrainedModelManifest.of(owner)
            figures["size_mb"] = about.size_mb[item.name if item.role == "baseline" else about.deployed]
        figures["rows"] = len(self._rows.frame)
        return figures

    def _release(self) -> ReleaseResult:
        declared = TrainedModelManifest.of(self._champion).declaration if self._champion is not None else None
        name = rule_name(TrainedModelManifest.of(self._trained).declaration, declared)
        rival = self._champion_name()
        tested = ReleaseFacts(
            rule=name,
            days=self._earned.days,
            gain=self._gain(CHALLENGER),
            champion_gain=None if rival is None else self._gain(rival),
            anchor=self._against_anchor(),
        )
        names = simpler_than(self._trained)
        required = [] if self._same else requirements(self._model.release, self._trained.id, names, tested)
        allowed = margin_of(self._model.release, name) * max(tested.champion_gain or 0.0, 0.0)
        compared = {item.other: self._compare(item.other, allowed if item.margin else 0.0) for item in required}
        return judge_release(tested, required, compared)

    def _champion_name(self) -> str | None:
        """Return the name of the contender that is the champion; None where there is none that could be run."""
        if self._champion is None:
            return None
        name = CHALLENGER if self._same else CHAMPION
        return name if any(item.name == name for item in self._contenders) else None

    def _champion_is_comparable(self) -> bool:
        rival = self._champion_name()
        return rival is not None and self._earned.difference(rival, DO_NOTHING).declined is None

    def _gain(self, name: str) -> float:
        return self._earned.difference(name, DO_NOTHING).figure

    def _against_anchor(self) -> AnchorResult | None:
        """Return the anchor; the champion in its place where it cannot be run on these rows; else None."""
        if self._anchor is None or self._anchor.id == self._trained.id:
            return None if self._anchor is None else AnchorResult(id=self._anchor.id, probability=None)
        name = self._anchor_name()
        if name is None:
            return None
        id = next(item.id for item in self._contenders if item.name == name and item.id is not None)
        return AnchorResult(id=id, probability=self._earned.probability_above(CHALLENGER, name))

    def _anchor_name(self) -> str | None:
        """Return the name of the contender that is the anchor, or takes its place."""
        has_run = {item.name for item in self._contenders}
        return next((name for name in (ANCHOR, CHAMPION) if name in has_run), None)

    def _compare(self, other: str, allowed: float) -> Comparison:
        name = self._anchor_name() if other == ANCHOR else other
        if name is None or name in self._problems:
            return Comparison(other=other, problem=self._problems[other])
        return compared_with(self._earned, other, name, allowed)

    def _earlier_versions(self) -> Iterator[tuple[str, Artifact]]:
        """Yield champion and anchor where each is another version than the challenger and than the other."""
        seen = {self._trained.id}
        for role, rival in ((CHAMPION, self._champion), (ANCHOR, self._anchor)):
            if rival is not None and rival.id not in seen:
                seen.add(rival.id)
                yield role, rival

    def _notes(self) -> list[str]:
        ahead = self._earned.difference(CHALLENGER, DO_NOTHING)
        return [
            *notes_on_value(self._model.value),
            *(note for note in (ahead.declined, ahead.note) if note),
            *notes_on_rows(len(self._rows.frame), self._is_repeated, self._unvalued),
            *notes_on_refits({CHALLENGER: self._trained, **dict(self._earlier_versions())}),
            *notes_on_earlier_versions(dict(self._earlier_versions()), self._start()),
            *notes_on_label(self._rows.label),
            *(result.text for result in self._fairness),
            *notes_on_problems(self._problems, has_anchor=self._anchor_name() is not None),
        ]
