"""Batch scoring: the rows that production asks for, at the batch runs that a model declares.

A row is scored by the version that was champion at its batch run, from what was known
then. A row that became known only after its batch run is counted; with ``late_rows: score``
it is scored at the first batch run that knows it, and marked late. A row whose batch run
came before the first deployment has no prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines.interval_index import Ints
from ml_platform.core.errors import listed
from ml_platform.core.hashing import cache_key, content_id
from ml_platform.datasets.exclusions import EFFECTIVE, EXCLUSIONS, IS_LATE, LATE, reason_counts
from ml_platform.datasets.model_frame import QuestionRows, asked_frame
from ml_platform.datasets.population.limits import within_max
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.declarations.user_code.version import code_version
from ml_platform.operations.predictions.recommend import recommended
from ml_platform.operations.predictions.rows import (
    Answers,
    log_rows,
    prediction_ids,
    unlearned_counts,
)
from ml_platform.project import Project
from ml_platform.registry.champion import champions, first_deployed
from ml_platform.sources.checks.results import require_healthy
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest
from ml_platform.storage.ledger.anchors import seal_rows
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.prediction_log import (
    KIND,
    append_predictions,
    day_bounds,
    late_count,
    logged_day,
    read_day,
)
from ml_platform.storage.versions import Version

_DAYS_AT_ONCE = 31


@dataclass(frozen=True)
class Scored:
    """What scoring one day came to.

    Attributes
    ----------
    new_rows
        Rows that were scored now.
    rows
        Rows that the day holds.
    before_first_deployment
        Rows that production would have asked for while no version was deployed.
    excluded
        Rows without a prediction while a version was deployed, by reason (`datasets.exclusions.EXCLUSIONS`).
    fact
        The same in a sentence.
    """

    made: Materialized
    day: date
    new_rows: int
    rows: int
    before_first_deployment: int
    excluded: Mapping[str, int]
    fact: str


def score_batch(project: Project, model_name: str, inputs: Mapping[str, str], day: date, now: datetime) -> Scored:
    """Score the rows whose batch run lies on a UTC day, up to `now`, that are not in the log yet.

    Parameters
    ----------
    inputs
        Ids of the artifacts to read, by node: the population's source and the feature tables.
    day
        The partition.

    Raises
    ------
    BrokenInput
        When a source or feature table has failed a blocking check; the log stays as it was.
    """
    return score_days(project, model_name, inputs, [day], now)[0]


def score_days(
    project: Project, model_name: str, inputs: Mapping[str, str], days: Sequence[date], now: datetime
) -> list[Scored]:
    """Score several days as `score_batch` does one, looking all their features up at once; one result for each."""
    require_healthy(project.database, NodeName("predictions", model_name), _data_nodes(project, model_name, inputs))
    scored: list[Scored] = []
    for start in range(0, len(days), _DAYS_AT_ONCE):
        scored += _score_some(project, model_name, inputs, days[start : start + _DAYS_AT_ONCE], now)
    if any(item.new_rows for item in scored):
        seal_rows(project, now)
    return scored


def _score_some(
    project: Project, model_name: str, inputs: Mapping[str, str], days: Sequence[date], now: datetime
) -> list[Scored]:
    stretches = {day: _stretch(day, now) for day in days}
    keys = {day: _key(project, model_name, inputs, *stretches[day]) for day in days}
    done = scored_days(project, model_name, inputs, days, now)
    pending = [stretches[day] for day in days if day not in done]
    asked = QuestionRows(pd.DataFrame(), pd.DataFrame())
    if pending:
        start, end = min(first for first, _ in pending), max(last for _, last in pending)
        asked = asked_frame(project, model_name, inputs, start - MICROSECOND, end, now)
    scored = []
    for day in days:
        if day in done:
            scored.append(_scored(Materialized(done[day], reused=True), day, 0))
            continue
        part = QuestionRows(_within(asked.rows, *stretches[day]), _within(asked.excluded, *stretches[day]))
        scored.append(_score_rows(project, model_name, inputs, day, keys[day], part, now))
    return scored


def _within(rows: pd.DataFrame, first: datetime, last: datetime) -> pd.DataFrame:
    return rows[(rows["effective_time"] >= first) & (rows["effective_time"] <= last)]


def scored_days(
    project: Project, model_name: str, inputs: Mapping[str, str], days: Sequence[date], now: datetime
) -> dict[date, Artifact]:
    """Return the days of some that are scored up to `now` from these inputs, each with its state of the log."""
    keys = {day: _key(project, model_name, inputs, *_stretch(day, now)) for day in days}
    known = {day: project.store.find(KIND, key) for day, key in keys.items()}
    return {day: made for day, made in known.items() if made and _is_current(project, model_name, day, made.id)}


def days_id(ids: Sequence[str]) -> str:
    """Return one id for the states of some days: of one day, its own."""
    return ids[0] if len(ids) == 1 else content_id(list(ids))


def _stretch(day: date, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last instant of a day's batch runs so far; nothing of a day that has not begun."""
    first, next_day = day_bounds(day)
    return first, max(first - MICROSECOND, min(now, next_day - MICROSECOND))


def _score_rows(
    project: Project,
    model_name: str,
    inputs: Mapping[str, str],
    day: date,
    key: str,
    questions: QuestionRows,
    now: datetime,
) -> Scored:
    asked = _ask(project, model_name, questions.rows)
    facts: dict[str, Any] = {
        "before_first_deployment": asked.unanswered,
        "excluded": _exclusions(project, model_name, questions.excluded),
    }

    def answer(logged: set[str]) -> pa.Table:
        fresh = asked.rows[~asked.rows["prediction_id"].isin(logged)]
        rows = _answer(project, model_name, asked.versions, _not_asked_before(project, model_name, day, fresh), now)
        facts["unlearned_nulls"] = unlearned_counts(rows)
        new = sum(rows[LATE].to_pylist()) if rows.num_rows else 0
        facts["late"] = late_count(project, model_name, day) + new  # what is asked for now may be fewer
        return rows

    state, added = append_predictions(project, model_name, day, key, answer, inputs, facts)
    return _scored(Materialized(state, reused=False), day, added)


def _exclusions(project: Project, model_name: str, dropped: pd.DataFrame) -> dict[str, int]:
    """Return how many rows were left out for which reason, at batch runs when a version was deployed."""
    first = first_deployed(project, model_name)
    counted = dropped[dropped["effective_time"] >= first] if first else dropped.iloc[:0]
    sums = counted.groupby("reason")["rows"].sum().to_dict()
    return reason_counts({str(reason): int(count) for reason, count in sums.items()})


@dataclass(frozen=True)
class _Answered:
    """Rows that a version answers, with ``prediction_id`` and ``version``, and how many came before any version."""

    rows: pd.DataFrame
    versions: tuple[Version, ...]
    unanswered: int


def _ask(project: Project, model_name: str, frame: pd.DataFrame) -> _Answered:
    """Find for each row the version that was champion at its batch run."""
    champion_at = champions(project, model_name, frame["effective_time"].drop_duplicates())
    numbers = frame["effective_time"].map(lambda instant: getattr(champion_at[instant], "number", None))
    rows = frame[numbers.notna()]
    key = project.spec.file.entities[project.spec.models[model_name].population.entity]
    ids = prediction_ids(model_name, rows, key)
    versions = {version.number: version for version in champion_at.values() if version is not None}
    rows = rows.assign(prediction_id=ids, version=numbers[numbers.notna()])
    return _Answered(rows, tuple(versions[number] for number in sorted(versions)), int(numbers.isna().sum()))


def _not_asked_before(project: Project, model_name: str, day: date, fresh: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about entities of which no other row was scored at the same batch run.

    A row that is ingested later may have become known earlier than the one that was scored: the prediction stays. A
    corrected row has the id of its logged prediction, so that it is not among `fresh`.
    """
    logged = logged_day(project, model_name, day)
    if logged is None or fresh.empty:
        return fresh
    names = [*project.spec.file.entities[project.spec.models[model_name].population.entity], "effective_time"]
    tables = [table.to_pandas() for table in read_day(project, logged, names)]
    log = pd.concat(tables) if tables else fresh.iloc[:0]
    log = log[log["effective_time"].isin(fresh["effective_time"])]
    taken = set(zip(*(log[name] for name in names), strict=True))
    asked = zip(*(fresh[name] for name in names), strict=True)
    fresh = fresh[[entity not in taken for entity in asked]]
    return _within_max(project.spec.models[model_name].population.max_rows, names[:-1], log["effective_time"], fresh)


def _within_max(most: int | None, keys: Sequence[str], logged: pd.Series, fresh: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are asked about beside those that were: no batch run has more than ``max_rows``."""
    if most is None or fresh.empty:
        return fresh
    taken = fresh["effective_time"].map(logged.value_counts()).fillna(0)
    room: Ints = np.asarray(most - taken, np.int64)
    runs = fresh["effective_time"].astype("datetime64[us, UTC]").astype("int64")
    rows = pa.table({EFFECTIVE: runs, IS_LATE: fresh[LATE], **{key: fresh[key] for key in keys}})
    return fresh[within_max(rows, keys, room)]


def _answer(
    project: Project, model_name: str, versions: Sequence[Version], fresh: pd.DataFrame, now: datetime
) -> pa.Table:
    """Score rows, each by its own version; all of them share the capacity, and control rows are held out."""
    answers = [
        Answers.by(project, version, rows)
        for version in versions
        if len(rows := fresh[fresh["version"] == version.number])
    ]
    parts = [log_rows(project, item, now) for item in recommended(project, model_name, answers)]
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks() if parts else pa.table({})


def _scored(made: Materialized, day: date, added: int) -> Scored:
    about = PredictionsManifest.of(made.artifact)
    rows, unanswered, dropped = about.rows, about.before_first_deployment, about.excluded
    fact = f"{rows:,} predictions for {day}, {added:,} of them new"
    if not rows:
        fact = f"no row asked for a prediction on {day} while a version was deployed"
    if about.late:
        fact += f"; {about.late:,} scored late"
    if about.unlearned_nulls:
        columns = listed(f"{name} in {count:,}" for name, count in about.unlearned_nulls.items())
        fact += f"; nulls where training had none: {columns} of the new ones"
    if unanswered:
        fact += f"; {unanswered:,} rows came before the first deployment"
    for reason, count in dropped.items():
        fact += f"; {count:,} rows without a prediction, {EXCLUSIONS[reason]}" if count else ""
    return Scored(made, day, added, rows, unanswered, dropped, fact)


def _data_nodes(project: Project, model_name: str, inputs: Mapping[str, str]) -> list[str]:
    """Return the sources and feature tables that the rows come from, the tables' own sources among them."""
    spec = project.spec
    tables = feature_tables_of(spec, spec.models[model_name])
    sources = [NodeName("source", spec.feature_tables[table].source) for table in tables]
    return sorted({*sources, *(node for node in inputs if NodeName.parse(node).is_data)})


def _key(project: Project, model_name: str, inputs: Mapping[str, str], start: datetime, end: datetime) -> str:
    frame = deciding_part(project.spec, KIND, model_name)
    declaration = {"model": model_name, "frame": frame, "start": start, "end": end}
    return cache_key(KIND, declaration, code_version(KIND), inputs)


def _is_current(project: Project, model_name: str, day: date, id: str) -> bool:
    logged = logged_day(project, model_name, day)
    return logged is not None and logged.artifact == id
