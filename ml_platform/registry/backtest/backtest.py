"""A backtest: what a model earns on the time after each of several origins, and how that changes with its age."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ml_platform.core.errors import TrainingError
from ml_platform.datasets.snapshot.boundaries import Boundaries
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_kinds.backtest import BacktestOptions
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.studied import studied_functions
from ml_platform.models.bundled_code import Code
from ml_platform.models.environment import environment
from ml_platform.models.predictor import Predictor
from ml_platform.models.prepare import Prepared, prepare
from ml_platform.models.train import declared_model, fit_prepared
from ml_platform.registry.backtest.judged import Judged
from ml_platform.registry.backtest.origins import DAY, WEEK, known_at, origins_of
from ml_platform.registry.backtest.results import age_results, gain_of_all, origin_results, schedule_results
from ml_platform.registry.evaluation.candidates import EvaluationRows
from ml_platform.registry.studied import alone
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest
from ml_platform.storage.artifact_kinds.trained_model import PREDICTOR

if TYPE_CHECKING:
    from ml_platform.project import Project

Progress = Callable[[str], object]
"""Takes what is trained next, in words."""


def backtest_model(
    project: Project,
    model_name: str,
    snapshot_id: str,
    options: BacktestOptions,
    progress: Progress = lambda text: None,
) -> BacktestManifest:
    """Train a model at past origins on what was known then, and judge each on the rows after its origin.

    Nothing is stored.

    Parameters
    ----------
    snapshot_id
        Whose rows are fitted and judged.

    Raises
    ------
    TrainingError
        Where the rows before an origin cannot be fitted.
    EvaluationError
        Where the snapshot has too few days, or no row can be valued.
    """
    model = declared_model(project, model_name)
    snapshot = load_snapshot(project, snapshot_id, with_purged=True)
    origins = origins_of(model, snapshot.boundaries, options)
    fits = list(_fits(project, model, snapshot, origins, options.seeds, progress))
    rows = EvaluationRows.read(project.spec, model, snapshot.frame)
    judged = Judged.of(project, rows, origins, [fit.predictors for fit in fits])
    every, count = origins[0].end - origins[0].test_start, int(judged.counts.sum())
    ages = age_results(judged, every)
    return BacktestManifest(
        model=model_name,
        task=model.task,
        currency=project.spec.unit_of_value(model_name),
        every_days=every / DAY,
        fitted_days=(origins[0].test_start - origins[0].train_start) / DAY,
        declared_days=(model.split.train + model.split.validate_) / DAY,
        seeds=options.seeds,
        rows=count,
        days=len(set(judged.rows.days[judged.counts].tolist())),
        gain=gain_of_all(judged),
        origins=tuple(origin_results(judged, origins, [fit.rows for fit in fits], [fit.chosen for fit in fits])),
        ages=tuple(ages),
        schedules=tuple(schedule_results(ages, count / (len(origins) * every / WEEK))),
        notes=tuple(_notes(model, origins[0], judged)),
        environment=environment(model),
    )


def _fits(
    project: Project,
    model: ModelSpec,
    snapshot: Snapshot,
    origins: Sequence[Boundaries],
    seeds: int,
    progress: Progress,
) -> Iterator[_Fit]:
    label_source = project.store.get("snapshot", snapshot.id).inputs[NodeName("source", model.label.source)]
    code = Code.read(project.root, studied_functions(project.spec, model.name), project.state / "code")
    for number, origin in enumerate(origins, 1):
        progress(f"origin {number} of {len(origins)}, {origin.test_start:%Y-%m-%d}")
        train, validate = known_at(project, model, label_source, snapshot.frame, origin)
        try:
            yield _Fit.of(prepare(project.spec, alone(model), code, train, validate), seeds)
        except TrainingError as error:
            raise TrainingError(f"{model.name}: at the origin of {origin.test_start:%Y-%m-%d}, {error}") from None


@dataclass(frozen=True)
class _Fit:
    """What was fitted at one origin.

    Attributes
    ----------
    predictors
        One for each seed.
    rows
        Of the train and validate periods.
    chosen
        The algorithm, where the declaration lets training choose it.
    """

    predictors: tuple[Predictor, ...]
    rows: int
    chosen: str | None

    @classmethod
    def of(cls, prepared: Prepared, seeds: int) -> Self:
        fits = [fit_prepared(replace(prepared, model=_seeded(prepared.model, seed))) for seed in range(seeds)]
        choice = fits[0].choice
        predictors = tuple(fitted.predictors[PREDICTOR] for fitted in fits)
        rows = prepared.train.rows + prepared.validate.rows
        return cls(predictors, rows, None if choice is None else choice.chosen)


def _seeded(model: ModelSpec, more: int) -> ModelSpec:
    """Return the declaration with other seeds."""
    seeded = [
        algorithm.model_copy(update={"seed": algorithm.seed + more})
        for algorithm in (model.algorithm, *model.baselines)
    ]
    return model.model_copy(update={"algorithm": seeded[0], "baselines": tuple(seeded[1:])})


def _notes(model: ModelSpec, first: Boundaries, judged: Judged) -> Iterator[str]:
    fitted, declared = first.test_start - first.train_start, model.split.train + model.split.validate_
    if fitted < declared:
        yield (
            f"Each model was fitted on {fitted / DAY:.3g} days before its origin, as the snapshot has no older rows; a "
            f"training has {declared / DAY:.3g}."
        )
    if model.tuning is not None:
        yield "Models have the declared parameters: the search for others knows rows after these origins."
    if model.refit is not None:
        yield "Models are not refitted: each is the one that was fitted before its validate period."
    excluded = int((~judged.counts).sum())
    if excluded:
        yield f"{excluded:,} of {len(judged.counts):,} rows do not count in money."
    yield "Gains are an assumed effect: actions are thought to change no label."
