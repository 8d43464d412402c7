"""Explaining predictions: found in the log, recomputed from the artifacts that the scoring read, and rescored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from ml_platform.audit.explain.break_even import BreakEven, break_evens
from ml_platform.audit.explain.contributions import Contributions, contributions_of
from ml_platform.audit.explain.explanation import (
    ActionValue,
    ExplainedInput,
    Explanation,
    PredictedAnswer,
    ScoringReads,
    Through,
)
from ml_platform.audit.explain.inputs import inputs_of_rows, population_rows, what_asked
from ml_platform.audit.explain.lookup import find_newest_too
from ml_platform.audit.explain.outcome import PredictionOutcome, outcomes_of
from ml_platform.audit.explain.rescoring import Rescored, output_names, output_value, rescore, unlearned_nulls
from ml_platform.audit.explain.source_rows_types import SourceRow
from ml_platform.audit.explain.taken_action import taken_text, with_reports
from ml_platform.audit.explain.version_facts import VersionFacts, version_facts
from ml_platform.audit.explain.what_if import WhatIf, what_if
from ml_platform.core.errors import PlatformError
from ml_platform.core.plain_values import plain_value
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor, load_deployed
from ml_platform.operations.predictions.logged import Logged
from ml_platform.operations.predictions.recompute_features import features_then, project_then
from ml_platform.project import Project
from ml_platform.storage.erasure_marks import marks_of

ROWS_LISTED = 5
"""So many source rows are listed for a feature by default."""


def explain(
    project: Project, id: str, now: datetime, *, edits: Mapping[str, str] | None = None, rows: int | None = ROWS_LISTED
) -> Explanation:
    """Return what is known of one logged prediction, after rescoring it.

    Parameters
    ----------
    id
        ``model.yyyymmdd.hash``.
    now
        Labels that are settled by then are included.
    edits
        What-if values by input column, as a person writes them.
    rows
        So many source rows are listed for each feature, the newest first; None lists all.

    Raises
    ------
    NoSuchPrediction
        Where the id is malformed or not in the log, with the nearest one.
    InvalidWhatIf
        Where a what-if value does not fit.
    ArtifactMissing, ArtifactDamaged
        Where the log or the trained model cannot be read; anything else that is missing is listed in `problems`.
    """
    return next(explain_each(project, [id], now, edits=edits, rows=rows))


def explain_each(
    project: Project,
    ids: Sequence[str],
    now: datetime,
    *,
    edits: Mapping[str, str] | None = None,
    rows: int | None = ROWS_LISTED,
) -> Iterator[Explanation]:
    """Yield the explanations of several predictions, as `explain` gives each; what they share is read once.

    Predictions that were made from the same inputs come together, in the order in which their ids were given. What the
    prediction service answered a moment ago is moved into the prediction log first.
    """
    shared = _Shared(project, now, rows)
    for logged in find_newest_too(project, ids, now):
        yield from _Explainer(shared, logged).explain(edits or {})


class _Shared:
    """What explanations of several groups of predictions have in common."""

    def __init__(self, project: Project, now: datetime, rows: int | None) -> None:
        self.project, self.now, self.rows = project, now, rows
        self._predictors: dict[str, Predictor] = {}
        self._versions: dict[tuple[str, datetime], VersionFacts] = {}

    def predictor(self, trained_id: str) -> Predictor:
        if trained_id not in self._predictors:
            trained = self.project.store.get("trained_model", trained_id)
            self._predictors[trained_id] = load_deployed(self.project, trained)
        return self._predictors[trained_id]

    def version(self, model: str, trained_id: str, at: datetime) -> VersionFacts:
        if (trained_id, at) not in self._versions:
            self._versions[trained_id, at] = version_facts(self.project, model, trained_id, at)
        return self._versions[trained_id, at]


@dataclass(frozen=True)
class _Rerun:
    """Rows of one version, rescored."""

    rescored: Rescored
    from_features: Rescored | None
    values: Mapping[str, float | None]
    contributions: tuple[Contributions, ...]
    break_even: BreakEven | None


class _Explainer:
    """Explains predictions that were made from the same inputs by the same declarations."""

    def __init__(self, shared: _Shared, logged: Logged) -> None:
        self._shared, self._logged = shared, with_reports(shared.project, logged, shared.now)
        self._problems: list[str] = []
        then, problem = project_then(shared.project, logged)
        self._problems += [problem] if problem else []
        self._then = then
        self._features = self._features_then()
        self._read = self._artifacts()
        self._problems += self._erased()

    def explain(self, edits: Mapping[str, str]) -> Iterator[Explanation]:
        recomputed = self._recomputed()
        inputs, through = self._inputs()
        outcomes = self._outcomes()
        population = self._population()
        for id, row in self._logged.rows.iterrows():
            predictor = self._shared.predictor(row["trained_model"])
            looked_up = (inputs[str(id)], through.get(str(id), ()))
            yield self._all(str(id), row, predictor, recomputed[str(id)], looked_up, outcomes, population, edits)

    def _all(
        self,
        id: str,
        row: pd.Series,
        predictor: Predictor,
        recomputed: _Rerun,
        looked_up: tuple[tuple[ExplainedInput, ...], tuple[Through, ...]],
        outcomes: Mapping[str, PredictionOutcome],
        population: Mapping[str, SourceRow],
        edits: Mapping[str, str],
    ) -> Explanation:
        logged, effective = self._logged, row["effective_time"].to_pydatetime()
        return Explanation(
            prediction_id=id,
            model=logged.model,
            description=self._then.spec.models[logged.model].description if self._then else "",
            key={name: plain_value(row[name]) for name in logged.key},
            prediction_time=row["prediction_time"].to_pydatetime(),
            effective_time=effective,
            scored_at=row["scored_at"].to_pydatetime(),
            answer=self._answer(row, predictor, recomputed),
            inputs=looked_up[0],
            through=looked_up[1],
            population=population.get(id),
            asked_by=what_asked(self._then, logged.model, row),
            contributions=recomputed.contributions,
            version=self._shared.version(logged.model, row["trained_model"], effective),
            made=ScoringReads(row["_log"], row["_segment"], self._read, logged.exact),
            rescored=recomputed.rescored,
            from_features=recomputed.from_features,
            outcome=outcomes.get(id, PredictionOutcome("unknown", None, "")),
            what_if=self._what_if(id, predictor, edits),
            problems=(*self._problems, *self._missing(id), *self._unproven(row), *unlearned_nulls(row, predictor)),
        )

    # Parts -----------------------------------------------------------------

    def _features_then(self) -> pd.DataFrame | None:
        if self._then is None:
            return None
        try:
            return features_then(self._then, self._logged)
        except PlatformError as error:
            self._problems.append(f"the features cannot be recomputed: {error}")
            return None

    def _recomputed(self) -> dict[str, _Rerun]:
        """Rescore everything, version by version: from the logged values, and from the recomputed features."""
        by_id: dict[str, _Rerun] = {}
        for trained_id, rows in self._logged.rows.groupby("trained_model", sort=False):
            predictor = self._shared.predictor(str(trained_id))
            read = read_columns(rows, predictor.inputs)
            rescored = rescore(predictor, read, rows)
            of_features = self._from_features(predictor, rows)
            values, terms = predictor.expected_values(read), contributions_of(predictor, read)
            ends = break_evens(predictor, read)
            for place, id in enumerate(rows.index):
                expected = {str(name): plain_value(values[name].iloc[place]) for name in values.columns}
                by_id[str(id)] = _Rerun(rescored[place], of_features.get(str(id)), expected, terms[place], ends[place])
        return by_id

    def _from_features(self, predictor: Predictor, rows: pd.DataFrame) -> dict[str, Rescored]:
        if self._features is None:
            return {}
        known = [id for id in rows.index if id in self._features.index]
        if not known:
            return {}
        frame = self._features.loc[known].assign(prediction_time=rows.loc[known, "prediction_time"])
        return dict(zip(map(str, known), rescore(predictor, frame, rows.loc[known]), strict=True))

    def _inputs(self) -> tuple[dict[str, tuple[ExplainedInput, ...]], dict[str, tuple[Through, ...]]]:
        by_version = {id: self._shared.predictor(id).inputs for id in self._logged.rows["trained_model"].unique()}
        return inputs_of_rows(
            self._then, self._logged, self._features, by_version, self._shared.rows, self._problems.append
        )

    def _outcomes(self) -> Mapping[str, PredictionOutcome]:
        if self._then is None:
            return {}
        rows = self._logged.rows.drop_duplicates("version")
        pairs = zip(rows["version"], rows["trained_model"], strict=True)
        predictors = {int(number): self._shared.predictor(id) for number, id in pairs}
        try:
            return outcomes_of(self._then, self._logged, predictors, self._shared.now)
        except PlatformError as error:
            self._problems.append(f"the outcome is unavailable: {error}")
            return {}

    def _population(self) -> Mapping[str, SourceRow]:
        if self._then is None or self._features is None:
            return {}
        return population_rows(self._then, self._logged, self._features)

    def _answer(self, row: pd.Series, predictor: Predictor, recomputed: _Rerun) -> PredictedAnswer:
        names = output_names(predictor)
        action = output_value(row.get("action"))
        spec = (self._then or self._shared.project).spec
        return PredictedAnswer(
            scores={name: plain_value(row[name]) for name in names if name.startswith("score")},
            predicted=plain_value(row["predicted"]) if "predicted" in names else None,
            action=None if action is None else str(action),
            expected_value=plain_value(row.get("expected_value")),
            actions=tuple(ActionValue(name, value, name == action) for name, value in recomputed.values.items()),
            break_even=recomputed.break_even,
            taken=taken_text(self._shared.project, self._logged.model, row, predictor),
            currency=spec.unit_of_value(self._logged.model),
        )

    def _artifacts(self) -> dict[str, str]:
        """Return the ids of what was read, with those of the sources that the feature tables were made from."""
        ids, sources = dict(self._logged.inputs), dict[tuple[str, str], list[str]]()
        for node, id in self._logged.inputs.items():
            table = None if self._then is None else self._then.spec.feature_tables.get(NodeName.parse(node).subject)
            if table is None or NodeName.parse(node).kind != "feature_table":
                continue
            try:
                source = self._shared.project.store.get("feature_table", id).inputs["source"]
            except PlatformError:
                continue
            sources.setdefault((NodeName("source", table.source), source), []).append(table.name)
        for (node, id), tables in sources.items():
            alone = [state for name, state in sources if name == node] == [id] and ids.get(node, id) == id
            ids[node if alone else f"{node} of {', '.join(tables)}"] = id
        return ids

    def _erased(self) -> list[str]:
        """Return what was erased from whatever the scoring read, and from what the versions were trained on."""
        read = [
            (node, NodeName.parse(node).kind, id) for node, id in self._read.items() if NodeName.parse(node).is_data
        ]
        trained = self._logged.rows["trained_model"].unique()
        read += [(f"trained model {id[:12]}", "trained_model", id) for id in map(str, trained)]
        marks = [(what, mark) for what, kind, id in read for mark in marks_of(self._shared.project, kind, id)]
        return [
            f"{what}, {mark.at:%Y-%m-%d}: {mark.description}. This explanation does not include the erased rows"
            for what, mark in marks
        ]

    def _missing(self, id: str) -> list[str]:
        if self._then is None or self._features is None or id in self._features.index:
            return []
        model = self._then.spec.models[self._logged.model]
        node = required_columns(self._then.spec, model).node
        return [
            f"{model.population.asked_by} is not in the log of {node.subject} as the scoring read it, so the "
            "features cannot be recomputed: it was erased, or the log was restarted"
        ]

    def _unproven(self, row: pd.Series) -> list[str]:
        """Return why it is unknown how the version came into production."""
        version = self._shared.version(self._logged.model, row["trained_model"], row["effective_time"].to_pydatetime())
        return [version.problem] if version.problem else []

    def _what_if(self, id: str, predictor: Predictor, edits: Mapping[str, str]) -> WhatIf | None:
        return what_if(predictor, self._logged.rows.loc[[id]], edits) if edits else None
