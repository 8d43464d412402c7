"""Settled predictions: logged predictions whose label horizon has passed, with the truth as it was known then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.clock import EPOCH, MICROSECOND
from ml_platform.core.hashing import format_instant
from ml_platform.core.plain_values import json_value
from ml_platform.datasets.labels.labels import labels_of
from ml_platform.datasets.labels.states import LABEL, LABEL_STATE
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.control import CONTROL, PROPENSITY
from ml_platform.models.decision import Decision
from ml_platform.models.inputs.labels import class_indices, read_label
from ml_platform.models.predictor import load_decision, load_deployed
from ml_platform.operations.monitoring.currencies import currencies_of, currency_now
from ml_platform.operations.monitoring.effect import Effect, earned_decisions, measured_effect
from ml_platform.operations.monitoring.label_versions import of_one_label
from ml_platform.operations.monitoring.realized_gain import realized_gain
from ml_platform.operations.monitoring.realized_value import (
    DONE,
    EXPECTED_NOTHING,
    Realized,
    is_settled,
    realized_value,
)
from ml_platform.operations.predictions.taken_actions import TAKEN, taken_actions, taken_node
from ml_platform.project import Project
from ml_platform.registry.champion import champion_ref, first_deployed
from ml_platform.registry.evaluation.intervals import Interval
from ml_platform.registry.evaluation.metrics import Figures, metrics_of
from ml_platform.registry.rollout import candidate_ids
from ml_platform.storage.artifact_kinds.monitoring import RealizedSums
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.prediction_log import day_bounds, logged_days, read_predictions
from ml_platform.storage.versions import versions

_LOGGED = ("version", "question", "late", "prediction_time", "action", "expected_value", "scored_at")
_HELD = (BEST_ACTION, CONTROL, PROPENSITY)

DAYS_KEPT = 92
"""Of how many of the newest days since the first deployment a monitoring has the sums."""


@dataclass(frozen=True)
class Settled:
    """What the predictions of a stretch came to.

    Attributes
    ----------
    start, end
        The batch runs of the stretch: ``(start, end]``.
    since
        The same sums over all predictions from `since_start` to `end`, without their days.
    since_start
        The first deployment of the model, or the first day that the log still holds.
    label_states
        How many settled predictions of the stretch have which state of their label (`LABEL_STATES`).
    gain, since_gain
        The gain over doing nothing of both, with its interval; None where no prediction has a payoff.
    effect, since_effect
        What acting changed in both, measured by rows that were held out; None where none was.
    currency
        What all amounts are in; predictions of versions with payoffs in another one are in no figure.
    metrics
        Of the newest version that has settled predictions; empty where none has.
    metrics_version
        The number of that version.
    """

    realized: Realized
    start: datetime
    end: datetime
    since: Realized
    since_start: datetime
    label_states: Mapping[str, int] = field(default_factory=dict)
    metrics: Figures = field(default_factory=dict)
    metrics_version: int | None = None
    gain: Interval | None = None
    since_gain: Interval | None = None
    effect: Effect | None = None
    since_effect: Effect | None = None
    currency: str = ""

    def window_sums(self) -> RealizedSums:
        """Return the sums of the stretch as an artifact holds them."""
        sums = _sums(self.realized, self.gain, self.effect, self.start, self.end)
        return sums.but(label_states=dict(self.label_states))

    def sums_since(self) -> RealizedSums:
        """Return the sums since the first deployment as an artifact holds them."""
        return _sums(self.since, self.since_gain, self.since_effect, self.since_start, self.end)


def _newest_days(realized: Realized) -> Realized:
    return replace(realized, days=realized.days[-DAYS_KEPT:])


def _sums(
    realized: Realized, gain: Interval | None, effect: Effect | None, start: datetime, end: datetime
) -> RealizedSums:
    """Return sums as an artifact holds them; what nothing is declared for is left out."""
    sums = {name: value for name, value in asdict(realized).items() if value is not None or name == "expected"}
    held: dict[str, Any] = json_value(
        {**sums, "uplift": realized.uplift, "start": format_instant(start), "end": format_instant(end)}
    )
    made = RealizedSums(**held, interval=None if gain is None else gain.as_held())
    return made if effect is None else made.but(interval=made.interval, effect=effect.as_held())


def settled_predictions(
    project: Project, model_name: str, label_source_id: str, now: datetime, taken_id: str | None = None
) -> Settled:
    """Return what predictions earned, in the newest window of settled batch runs and since a model's first deployment.

    The window is as long as that of monitoring and ends where the label horizon begins; predictions since then wait.
    Metrics are those of the window's predictions in time, as an evaluation has them.

    Parameters
    ----------
    taken_id
        The artifact of the source of actions that were taken; None where the model declares none, or where nothing of
        it was ingested yet: then no action is reported.
    """
    decisions = _decisions(project, model_name)
    project, label_source_id, alike = of_one_label(project, model_name, label_source_id, decisions, now)
    spec, horizon = project.spec.models[model_name], project.spec.models[model_name].label.horizon
    start, end = now - horizon - spec.monitoring.window, now - horizon
    rows, since, currency = _in_one_currency(project, spec, decisions, alike, now)
    if (node := taken_node(project, model_name)) is not None:
        rows = _with_actions(rows, decisions, _reported(project, node, taken_id, rows["prediction_id"], now))
    rows = _with_expected_nothing(project, model_name, rows, decisions)
    settled, inside = is_settled(rows, horizon, now), rows["effective_time"] > start
    truth = _labels(project, model_name, label_source_id, rows, settled, now)
    label = truth[LABEL]
    predictions = Settled(
        realized_value(rows[inside], label[inside], decisions, horizon, now),
        min(end, max(start, since)),
        end,
        _newest_days(realized_value(rows, label, decisions, horizon, now)),
        since,
        {str(state): int(count) for state, count in truth[LABEL_STATE][inside & settled].value_counts().items()},
        currency=currency,
    )
    entity, fixed = project.spec.file.entities[spec.population.entity], spec.value.entities == "fixed"
    compared = earned_decisions(spec, decisions)
    predictions = replace(
        predictions,
        gain=realized_gain(rows, label, decisions, horizon, now, start, entity, fixed),
        since_gain=realized_gain(rows, label, decisions, horizon, now, None, entity, fixed),
        effect=measured_effect(rows[inside], label[inside], compared, horizon, now, entity),
        since_effect=measured_effect(rows, label, compared, horizon, now, entity),
    )
    known = rows[inside & settled & label.notna() & ~rows["late"].astype(bool)]
    if known.empty:
        return predictions
    newest = int(known["version"].max())
    known = known[known["version"] == newest]
    metrics = _metrics(project, model_name, newest, known, label[known.index])
    return replace(predictions, metrics=metrics, metrics_version=newest)


def _in_one_currency(
    project: Project, spec: ModelSpec, decisions: Mapping[int, Decision], alike: Collection[int], now: datetime
) -> tuple[pd.DataFrame, datetime, str]:
    """Return the predictions since the first deployment of a version in the champion's currency, since when, and it.

    Only those of some versions are `alike`, since they are about the same label.
    """
    deployed = first_deployed(project, spec.name) or now
    rows = read_predictions(project, spec.name, deployed - MICROSECOND, now, _columns(project, spec, decisions))
    currencies = currencies_of(project, spec.name, decisions)
    currency = currency_now(project, spec.name, currencies, now)
    others = [number for number, other in currencies.items() if other != currency or number not in alike]
    foreign = rows["version"].isin(others)
    if foreign.any():
        rows = rows[~foreign]
        deployed = min(rows["effective_time"], default=pd.Timestamp(now)).to_pydatetime()
    return rows, max(deployed, _first_day(project, spec.name)), currency


def _reported(project: Project, node: NodeName, taken_id: str | None, ids: pd.Series, now: datetime) -> pd.Series:
    if taken_id is None:
        return pd.Series(None, index=ids.index, dtype=object)
    return taken_actions(project, node, taken_id, ids, now)


def _with_actions(rows: pd.DataFrame, decisions: Mapping[int, Decision], reported: pd.Series) -> pd.DataFrame:
    """Return predictions with the action that was reported, and the one that counts as taken.

    Without a report that is doing nothing, as the version that predicted declares it.
    """
    nothing = rows["version"].map({number: decision.do_nothing for number, decision in decisions.items()})
    return rows.assign(**{TAKEN: reported, DONE: reported.where(reported.notna(), nothing)})


def _with_expected_nothing(
    project: Project, model_name: str, rows: pd.DataFrame, decisions: Mapping[int, Decision]
) -> pd.DataFrame:
    """Return predictions with what doing nothing was expected to earn, where that depends on the label.

    Where it does not, what it earned is what was expected.
    """
    made = {version.number: version for version in versions(project, model_name)}
    reading = [number for number, decision in decisions.items() if decision.nothing_reads_label]
    expected = pd.Series(np.nan, index=rows.index)
    for number in reading:
        mine = rows[(rows["version"] == number) & rows["expected_value"].notna()]
        if len(mine):
            classes = load_deployed(project, project.store.get("trained_model", made[number].id)).classes
            worth = decisions[number].expected_values(mine, _shares(mine, classes), classes)
            expected[mine.index] = worth[decisions[number].do_nothing]
    return rows.assign(**{EXPECTED_NOTHING: expected}) if reading else rows


def _shares(rows: pd.DataFrame, classes: Sequence[Any]) -> np.ndarray:
    """Return the probability of each class from logged scores, one column per class."""
    if len(classes) > 2:
        return rows[[f"score.{label}" for label in classes]].to_numpy(dtype="float64")
    score = rows["score"].to_numpy(dtype="float64")
    return np.column_stack([1 - score, score])


def _columns(project: Project, spec: ModelSpec, decisions: Mapping[int, Decision]) -> list[str]:
    """Return the columns of the log that sums and metrics read."""
    payoffs = {name for decision in decisions.values() for name in decision.columns}
    classes = _class_scores(project, spec.name) if spec.task == "multiclass" else []
    read = sorted({*payoffs, *spec.label.references})
    return [*_LOGGED, *_HELD, *project.spec.file.entities[spec.population.entity], "score", *classes, *read]


def _class_scores(project: Project, model_name: str) -> list[str]:
    trained = [project.store.get("trained_model", version.id) for version in versions(project, model_name)]
    return [
        f"score.{label}" for artifact in trained for label, _ in TrainedModelManifest.of(artifact).label.classes or ()
    ]


def _first_day(project: Project, model_name: str) -> datetime:
    days = logged_days(project, model_name)
    return day_bounds(days[0].day)[0] if days else EPOCH


def _labels(
    project: Project, model_name: str, label_source_id: str, rows: pd.DataFrame, settled: pd.Series, now: datetime
) -> pd.DataFrame:
    """Return label and state of settled rows as known at their horizon; of all others the label is null."""
    labels = pd.DataFrame({LABEL: None, LABEL_STATE: "waiting"}, index=rows.index, dtype=object)
    if settled.any():
        known = labels_of(project, model_name, label_source_id, rows[settled], now).astype(object)
        labels.loc[settled, LABEL] = known[LABEL].where(known[LABEL].notna(), None)
        labels.loc[settled, LABEL_STATE] = known[LABEL_STATE]
    return labels


def _decisions(project: Project, model_name: str) -> Mapping[int, Decision]:
    """Return what each version's predictions are worth: of the versions that were ever champion or candidate."""
    deployed = {line.to_value for line in ledger_lines(project.database, champion_ref(model_name))}
    deployed |= candidate_ids(project, model_name)
    return {
        version.number: load_decision(project, project.store.get("trained_model", version.id))
        for version in versions(project, model_name)
        if version.id in deployed
    }


def _metrics(project: Project, model_name: str, number: int, rows: pd.DataFrame, label: pd.Series) -> Figures:
    version = next(version for version in versions(project, model_name) if version.number == number)
    predictor = load_deployed(project, project.store.get("trained_model", version.id))
    spec = project.spec.models[model_name]
    truth = class_indices(read_label(label.infer_objects(), spec.task), predictor.classes)
    names = [f"score.{name}" for name in predictor.classes] if len(predictor.classes) > 2 else ["score"]
    scores = rows[names].to_numpy(dtype="float64")
    return metrics_of(spec.task, truth, scores[:, 0] if names == ["score"] else scores, loss_quantile(spec))
