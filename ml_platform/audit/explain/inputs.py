"""The inputs of predictions: as logged, as recomputed, and the source rows that each follows from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ml_platform.audit.explain.explanation import REQUEST, ExplainedInput, Through
from ml_platform.audit.explain.rescoring import bytes_of
from ml_platform.audit.explain.source_rows import traced_rows
from ml_platform.audit.explain.source_rows_types import TICK, Answers, SourceRow, TableQuestions, TracedRows
from ml_platform.core.clock import from_micros, tick_at
from ml_platform.core.errors import PlatformError, listed
from ml_platform.core.plain_values import plain_value
from ml_platform.datasets.exclusions import EFFECTIVE
from ml_platform.datasets.feature_columns import effective_of
from ml_platform.declarations.joins import Joined, joins_of
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.source import SourceSpec
from ml_platform.models.inputs.columns import InputColumn, read_columns
from ml_platform.operations.predictions.logged import Logged
from ml_platform.operations.predictions.recompute_features import is_online
from ml_platform.project import Project

Report = Callable[[str], None]
_SourceRows = Mapping[str, Mapping[str, TracedRows]]
"""By prediction id and column."""


def inputs_of_rows(
    then: Project | None,
    logged: Logged,
    features: pd.DataFrame | None,
    columns: Mapping[str, Sequence[InputColumn]],
    limit: int | None,
    report: Report,
) -> tuple[dict[str, tuple[ExplainedInput, ...]], dict[str, tuple[Through, ...]]]:
    """Return the inputs of predictions by their ids, in the predictor's order, and what led to their entities.

    Parameters
    ----------
    then
        The project as it was declared; None where that is not known.
    features
        What `features_then` gives; None where it could not be computed.
    columns
        What each trained model reads, by id.
    limit
        So many source rows are listed for each; None lists all.
    report
        Called with a sentence about each input whose source rows are unavailable.
    """
    by_id: dict[str, tuple[ExplainedInput, ...]] = {}
    source_rows = (
        {}
        if then is None or features is None or features.empty
        else _source_rows(then, logged, features, limit, report)
    )
    joins = {} if then is None else _joined(then, logged.model)
    for trained_id, rows in logged.rows.groupby("trained_model", sort=False):
        inputs = columns[str(trained_id)]
        before, after = _records(read_columns(rows, inputs)), _records(_recomputed(rows, features, inputs))
        ticks = _records(rows[[name for name in rows.columns if name.startswith("tick.")]])
        for id in map(str, rows.index):
            by_id[id] = tuple(
                _input(then, joins, column.name, before[id], after.get(id), ticks[id], source_rows.get(id, {}))
                for column in inputs
            )
    return by_id, {} if then is None or features is None else _through(joins, features, columns, source_rows)


def _through(
    joins: Mapping[str, Joined],
    features: pd.DataFrame,
    columns: Mapping[str, Sequence[InputColumn]],
    source_rows: _SourceRows,
) -> dict[str, tuple[Through, ...]]:
    """Return the columns of feature tables that give other tables their keys, where no predictor reads them."""
    read = {column.name for inputs in columns.values() for column in inputs}
    gives = {
        name: f"{joined.alias}.{key}"
        for joined in joins.values()
        for key, name in joined.keys.items()
        if name.partition(".")[0] in joins and name not in read and name in features.columns
    }
    values = _records(features[list(gives)])
    return {
        id: tuple(Through(name, of[name], key, source_rows.get(id, {}).get(name)) for name, key in gives.items())
        for id, of in values.items()
    }


def _records(rows: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    """Return the rows as plain values by id and column."""
    if rows is None:
        return {}
    columns = {str(name): [plain_value(value) for value in rows[name].astype(object)] for name in rows.columns}
    return {str(id): {name: values[place] for name, values in columns.items()} for place, id in enumerate(rows.index)}


def what_asked(then: Project | None, model: str, row: pd.Series) -> str:
    """Return what asked for a logged prediction, in words."""
    if is_online(row.to_frame().T).item():
        return REQUEST
    return then.spec.models[model].population.asked_by if then else ""


def population_rows(then: Project, logged: Logged, features: pd.DataFrame) -> dict[str, SourceRow]:
    """Return what asked each question, as it was known at the batch run, by prediction id.

    It is a row of the population's source; else the entity's key with the features that decide who is asked about.
    """
    spec, model = then.spec, then.spec.models[logged.model]
    columns_of_population = required_columns(spec, model)
    names = {name: f"{columns_of_population.name}.{name}" for name in columns_of_population.columns} | {
        name: name for name in model.population.references
    }
    source = spec.sources[columns_of_population.node.subject] if columns_of_population.node.kind == "source" else None
    by_id = {}
    for id, row in features.iterrows():
        values = {name: plain_value(row[column]) for name, column in names.items()}
        at = from_micros(int(row[EFFECTIVE]))
        event, known = (None, None) if source is None else _times(source, values)
        by_id[str(id)] = SourceRow(values, event or at, known or at)
    return by_id


def _times(source: SourceSpec, values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the event and the known-at of a row; None where its columns do not hold them."""
    event, known_at = values.get(source.event_timestamp), source.known_at
    if known_at.column is not None:
        return event, values.get(known_at.column)
    return event, event + known_at.delay if event is not None else None


def _recomputed(
    rows: pd.DataFrame, features: pd.DataFrame | None, inputs: Sequence[InputColumn]
) -> pd.DataFrame | None:
    if features is None:
        return None
    known = [id for id in rows.index if id in features.index]
    frame = features.loc[known].assign(prediction_time=rows.loc[known, "prediction_time"])
    return read_columns(frame, inputs)


def _input(
    then: Project | None,
    joins: Mapping[str, Joined],
    name: str,
    logged: Mapping[str, Any],
    recomputed: Mapping[str, Any] | None,
    ticks: Mapping[str, Any],
    source_rows: Mapping[str, TracedRows],
) -> ExplainedInput:
    owner, _, column = name.partition(".")
    joined = joins.get(owner)
    table = joined.table.name if joined else ""
    return ExplainedInput(
        name=name,
        value=logged[name],
        recomputed=None if recomputed is None else recomputed[name],
        agrees=None if recomputed is None else _same(logged[name], recomputed[name]),
        formula=_formula(joined, column),
        unit=_unit(then, joined, owner, column),
        table=table,
        tick=ticks.get(f"tick.{table}"),
        source_rows=source_rows.get(name),
    )


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are the same, numbers by their bytes."""
    if isinstance(one, float) and isinstance(other, float):
        return bytes_of(one) == bytes_of(other)
    return bool(one == other)


def _formula(joined: Joined | None, column: str) -> str:
    if joined is None:
        return ""
    feature, window = joined.table.columns[column]
    text = joined.table.features[feature].formula
    return text if window is None else f"{text} over {window.label}"


def _unit(then: Project | None, joined: Joined | None, owner: str, column: str) -> str:
    if joined is not None:
        return joined.table.feature_of(column).value_unit
    if then is None or owner not in then.spec.sources:
        return ""
    return then.spec.sources[owner].columns[column].unit or ""


def _joined(then: Project, model: str) -> dict[str, Joined]:
    return {joined.alias: joined for joined in joins_of(then.spec, then.spec.models[model])}


def _source_rows(
    then: Project, logged: Logged, features: pd.DataFrame, limit: int | None, report: Report
) -> _SourceRows:
    by_id: dict[str, dict[str, TracedRows]] = {str(id): {} for id in features.index}
    by_source: dict[str, list[tuple[Joined, TableQuestions]]] = {}
    for joined in _joined(then, logged.model).values():
        try:
            asked = _asked(then, joined, logged, features)
        except PlatformError as error:
            report(f"the source rows of {joined.alias} are unavailable: {error}")
            continue
        by_source.setdefault(asked.artifact.inputs["source"], []).append((joined, asked))
    with then.engine() as engine:
        for together in by_source.values():
            try:
                answers = traced_rows(then, engine, [asked for _, asked in together], limit)
            except PlatformError as error:
                report(f"the source rows of {listed(joined.alias for joined, _ in together)} are unavailable: {error}")
                continue
            for (joined, asked), answer in zip(together, answers, strict=True):
                _share_out(joined, asked, answer, by_id)
    return by_id


def _asked(then: Project, joined: Joined, logged: Logged, features: pd.DataFrame) -> TableQuestions:
    """Return the questions that rows ask one feature table, in the order of the rows."""
    table = joined.table
    artifact = then.store.get("feature_table", logged.inputs[NodeName("feature_table", table.name)])
    table_instant = effective_of(table.name)
    read_at = features[table_instant if table_instant in features.columns else EFFECTIVE]
    ticks = [tick_at(from_micros(int(at)), table.refresh, table.publish_delay) for at in read_at]
    keys = {key: features[column] for key, column in joined.keys.items()}
    questions = pd.DataFrame({**keys, TICK: pd.Series(ticks, features.index, dtype="datetime64[us, UTC]")})
    columns = [column for column in table.columns if f"{joined.alias}.{column}" in features.columns]
    return TableQuestions(table, artifact, questions, columns)


def _share_out(
    joined: Joined, asked: TableQuestions, answers: Answers, by_id: dict[str, dict[str, TracedRows]]
) -> None:
    for id, question in asked.questions.iterrows():
        of_row = answers[(*(plain_value(question[key]) for key in joined.keys), question[TICK].to_pydatetime())]
        by_id[str(id)] |= {f"{joined.alias}.{column}": traced for column, traced in of_row.items()}
