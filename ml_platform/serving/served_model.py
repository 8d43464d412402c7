"""One version of a model, ready to answer: from the row of a request to a score, an action, and the record of both."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import OnlineRequestFault, PredictionError
from ml_platform.core.hashing import format_instant
from ml_platform.datasets.exclusions import PREDICTION_TIME
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.source import ColumnType
from ml_platform.models.control import is_control
from ml_platform.models.predictor import Predictor, load_deployed
from ml_platform.models.row_form import RowForm, RowPrediction
from ml_platform.operations.online.content import joins_online
from ml_platform.operations.online.lookup import LookedUp, ModelLookup
from ml_platform.operations.online.populations import Membership, PopulationLookup
from ml_platform.operations.predictions.online_log import LogContext, LoggedPrediction
from ml_platform.project import Project
from ml_platform.serving.answer_form import AnswerForm, picking
from ml_platform.serving.answer_values import plain_json, score_names
from ml_platform.serving.limited_action import limited_action
from ml_platform.serving.prediction_ids import PredictionIds
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.row_values import RowReader
from ml_platform.serving.shared_facts import SharedFacts, shared_facts
from ml_platform.serving.table_states import TableStates
from ml_platform.storage.online.description import Description
from ml_platform.storage.online.store import OnlineStore, View
from ml_platform.storage.prediction_log import kept_json
from ml_platform.storage.versions import Version


class Answered(NamedTuple):
    """One answer, and what is logged of it but for the number of its context.

    Attributes
    ----------
    row
        The row in the request.
    features
        What was looked up for it.
    at
        When it was asked for.
    look_up_took, predict_took
        How long both took, in nanoseconds.
    beside
        The other version that is to predict the same row, while one is rolled out.
    published
        The generation of the online store that was read.
    """

    body: Mapping[str, Any]
    context: LogContext
    record: LoggedPrediction
    served: ServedModel
    row: Mapping[str, Any]
    features: LookedUp
    at: datetime
    look_up_took: int
    predict_took: int
    beside: ServedModel | None = None
    published: int = 0


_LookedUpRow = tuple[Mapping[str, Any], LookedUp, int]
"""A row of a request, what was looked up for it, and how long that took."""
_When = tuple[int, str]
"""An instant in microseconds since 1970 UTC, and as text."""


class _Predicted(NamedTuple):
    """The prediction for a row, with what it was made of."""

    row: Mapping[str, Any]
    features: LookedUp
    states: Mapping[str, Any]
    cells: list[Any]
    key: Sequence[Any]
    control: bool | None
    prediction: RowPrediction
    look_up_took: int
    predict_took: int
    gain: float | None = None


class ServedModel:
    """A version that answers. Not shared between threads.

    Attributes
    ----------
    spec
        The model as it is declared.
    columns
        Name and type of each logged value, in order.
    key
        The key columns of the entity.
    """

    def __init__(self, project: Project, version: Version) -> None:
        self.version, self.spec = version, project.spec.models[version.model]
        self.predictor: Predictor = load_deployed(project, project.store.get("trained_model", version.id))
        self._form: RowForm = self.predictor.row_form()
        self._lookup = ModelLookup(project.spec, self.spec)
        population = required_columns(project.spec, self.spec)
        self._inputs = [column.name for column in self.predictor.inputs]
        self.key = self._lookup.key_columns
        self.sent: Mapping[str, ColumnType] = {
            name: population.columns[name].type for name in self._lookup.allowed_columns
        }
        """The columns that a request can send, with their types."""
        self._reader = RowReader(self.sent)
        key_types = {f"{population.name}.{name}": self.sent[name] for name in self._lookup.needed_columns}
        used = {column.name: column.type for column in self.predictor.inputs if column.name != PREDICTION_TIME}
        self.columns = tuple({**key_types, **used}.items())
        joined = joins_online(project.spec, self.spec)
        self._tables = {item.table.name: item.table for item in joined}
        self._source_inputs = [NodeName("source", name) for name in self.spec.population.sources]
        self._now: SharedFacts | None = None
        self._populations = PopulationLookup(project.spec, self.spec)
        self._ids = PredictionIds(version.model)
        self._control = self.spec.value.control.share if self.spec.value.control else None
        self.limited = limited_action(project, version.model, list(self.predictor.decision.actions))
        self._context = LogContext(
            model=version.model,
            version=version.number,
            trained_model=version.id,
            inputs={},
            ticks={},
            key=self.key,
            columns=self.columns,
            scores=score_names(self.predictor),
            declared=kept_json(project.spec, version.model),
            control=self._control,
            limited=self.limited is not None,
        )
        places = {name: place for place, name in enumerate([*self._lookup.names, PREDICTION_TIME])}
        self._pick_inputs = picking([places[name] for name in self._inputs])
        self._pick_key = picking([places[f"{population.name}.{name}"] for name in self.key])
        self._form_of_answers = AnswerForm(version, self.predictor, self.columns, places)
        online = self.spec.deployment.online
        self.is_synced = online is not None and online.log == "synced"
        """Whether an answer leaves only once its log line is on the disk."""

    @property
    def facts(self) -> dict[str, Any]:
        """What serves, for people and programs."""
        population = self.spec.population
        return {
            "model": self.spec.name,
            "version": self.version.number,
            "trained_model": self.version.id,
            "task": self.spec.task,
            "description": self.spec.description,
            "entity": population.entity,
            "key": {name: self.sent[name] for name in self.key},
            "columns": {name: kind for name, kind in self.sent.items() if name not in self.key},
            "tables": list(self._tables),
        }

    def answer(
        self, rows: Sequence[Mapping[str, Any]], view: View, at: datetime, beside: ServedModel | None = None
    ) -> list[Answered | RequestProblem]:
        """Return the prediction for each row, or why it has none; each step is done for all rows before the next.

        Parameters
        ----------
        rows
            As bodies have them: the entity's key, and columns that the store does not have or that differ.
        view
            The online store.
        at
            Now, by the project's clock.
        beside
            The other version that is to predict the rows afterwards.
        """
        looked_up = [self._looked_up(row, view) for row in rows]
        shared, when = self._shared(view.description), (to_micros(at), format_instant(at))
        predicted = [self._predicted(item, shared.tables, at, when[0]) for item in looked_up]
        keys = [item.key for item in predicted if not isinstance(item, RequestProblem)]
        members = self._populations.look_up(view, keys)
        predicted = self._within_capacity(predicted, view.description, at)  # last: what fails later costs places
        made = [item for item in predicted if not isinstance(item, RequestProblem)]
        pairs = zip(made, members, strict=True)
        answered = iter([self._answered(item, member, shared, when, beside) for item, member in pairs])
        return [item if isinstance(item, RequestProblem) else next(answered) for item in predicted]

    def _looked_up(self, row: Mapping[str, Any], view: View) -> _LookedUpRow | RequestProblem:
        begun = time.perf_counter_ns()
        try:
            features = self._look_up(row, view)
            if features.missing:
                raise RequestProblem.missing(self.spec.population, self.key, features.missing)
        except RequestProblem as problem:
            return problem
        return row, features, time.perf_counter_ns() - begun

    def _predicted(
        self, item: _LookedUpRow | RequestProblem, tables: TableStates, at: datetime, micros: int
    ) -> _Predicted | RequestProblem:
        if isinstance(item, RequestProblem):
            return item
        row, features, took = item
        try:
            states = tables.states(features.tables, micros)
            cells = [*features.cells, at]
            key = self._pick_key(cells)
            control = None if self._control is None else is_control(self.spec.name, key, self._control)
            begun = time.perf_counter_ns()
            prediction = self._form.predict_typed(self._pick_inputs(cells), is_control=control is True)
            predict_took = time.perf_counter_ns() - begun
        except RequestProblem as problem:
            return problem
        except PredictionError as error:
            return RequestProblem.row("wrong_type", str(error))
        return _Predicted(row, features, states, cells, key, control, prediction, took, predict_took)

    def _within_capacity(
        self, items: Sequence[_Predicted | RequestProblem], known: Description, at: datetime
    ) -> list[_Predicted | RequestProblem]:
        """Let those rows have the limited action that get a place of the day."""
        if self.limited is None:
            return list(items)
        made = [item for item in items if not isinstance(item, RequestProblem)]
        within = iter(self.limited.limited([(item.prediction, item.control is True) for item in made], at, known))
        return [item if isinstance(item, RequestProblem) else item._replace(**next(within)._asdict()) for item in items]

    def _answered(
        self, made: _Predicted, member: Membership, shared: SharedFacts, at: _When, beside: ServedModel | None
    ) -> Answered:
        row, features, states, cells, key, control, prediction, look_up_took, predict_took, gain = made
        id = self._ids.next(at[0])
        record = self._form_of_answers.record(id, at[0], cells, key, prediction)
        record.shadowed, record.control, record.capacity_gain = beside is not None, control, gain
        body = self._form_of_answers.body(id, at[1], prediction, states, control)
        if self.limited is not None:
            body["best_action"] = record.best_action
        body["population"] = member._asdict()
        took, published = (look_up_took, predict_took), shared.description.generation
        return Answered(body, shared.context, record, self, row, features, cells[-1], *took, beside, published)

    def predict_as_candidate(self, answered: Answered, store: OnlineStore) -> tuple[bool, RowPrediction]:
        """Return the prediction for the row of another version's answer, and whether it looked the row up again.

        It does where it reads other features than that version, at the ticks that are published now.

        Raises
        ------
        RequestProblem, PredictionError
            Where it cannot predict this row.
        """
        values = answered.features.values
        if looked_up := any(name not in values for name in self._inputs if name != PREDICTION_TIME):
            with store.view() as view:
                features = self._look_up(answered.row, view)
            if features.missing:
                raise RequestProblem.missing(self.spec.population, self.key, features.missing)
            values = features.values
        values[PREDICTION_TIME] = answered.at
        return looked_up, self._form.predict_typed([values[name] for name in self._inputs])

    def read_key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the entity's key that a request has, in the types of its columns; None where it has none."""
        return self._lookup.read_key(self._reader.read(row))

    def predict_values(self, values: Sequence[Any]) -> RowPrediction:
        """Return the prediction for one value of each of the predictor's inputs."""
        return self._form.predict(values)

    def features(self, row: Mapping[str, Any], view: View, at: datetime) -> Mapping[str, Any]:
        """Return the values that a prediction for a row would use, without predicting."""
        features = self._look_up(row, view)
        values = features.values
        return {
            "values": {name: plain_json(values.get(name)) for name, _ in self.columns},
            "tables": self._shared(view.description).tables.states(features.tables, to_micros(at)),
            "missing": list(features.missing),
        }

    def _look_up(self, row: Mapping[str, Any], view: View) -> LookedUp:
        values = self._reader.read(row)
        try:
            return self._lookup.look_up(view, values)
        except OnlineRequestFault as error:
            raise RequestProblem.row("wrong_column", str(error)) from None

    def _shared(self, description: Description) -> SharedFacts:
        if self._now is None or self._now.description is not description:
            self._now = shared_facts(description, self.spec, self._tables, self._source_inputs, self._context)
        return self._now
