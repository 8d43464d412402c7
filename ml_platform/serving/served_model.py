"""One version of a model, ready to answer: from the row of a request to a score, an action, and the record of both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import OnlineRequestFault, PredictionError, listed
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
from ml_platform.operations.online.population_rule import PopulationRule
from ml_platform.operations.predictions.online_log import LogContext, LoggedPrediction
from ml_platform.project import Project
from ml_platform.serving.answer_values import finite_or_null, plain_json, score_names
from ml_platform.serving.prediction_ids import PredictionIds
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.row_values import RowReader
from ml_platform.serving.shared_facts import SharedFacts, shared_facts
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
    values
        What was looked up for it.
    look_up_took, predict_took
        How long both took, in nanoseconds.
    beside
        The other version that is to predict the same row, while one is rolled out.
    """

    body: Mapping[str, Any]
    context: LogContext
    record: LoggedPrediction
    served: ServedModel
    row: Mapping[str, Any]
    values: Mapping[str, Any]
    look_up_took: int
    predict_took: int
    beside: ServedModel | None = None


class ServedModel:
    """A version that answers. Not shared between threads.

    Attributes
    ----------
    spec
        The model as it is declared.
    columns
        Name and type of each logged value, in order.
    """

    def __init__(self, project: Project, version: Version) -> None:
        self.version, self.spec = version, project.spec.models[version.model]
        self.predictor: Predictor = load_deployed(project, project.store.get("trained_model", version.id))
        self._form: RowForm = self.predictor.row_form()
        self._lookup = ModelLookup(project.spec, self.spec)
        population = required_columns(project.spec, self.spec)
        self._inputs = [column.name for column in self.predictor.inputs]
        self._key = self._lookup.key_columns
        self._key_columns = [f"{population.name}.{name}" for name in self._key]
        self.sent: Mapping[str, ColumnType] = {
            name: population.columns[name].type for name in self._lookup.allowed_columns
        }
        """The columns that a request can send, with their types."""
        self._reader = RowReader(self.sent)
        key_types = {f"{population.name}.{name}": self.sent[name] for name in self._lookup.needed_columns}
        used = {column.name: column.type for column in self.predictor.inputs if column.name != PREDICTION_TIME}
        self.columns = tuple({**key_types, **used}.items())
        self._logged = [name for name, _ in self.columns]
        self._instants = [place for place, (_, kind) in enumerate(self.columns) if kind == "timestamp"]
        joined = joins_online(project.spec, self.spec)
        self._tables = {item.table.name: item.table for item in joined}
        self._source_inputs = [NodeName("source", name) for name in self.spec.population.sources]
        self._now: SharedFacts | None = None
        self._rule = PopulationRule.of(project.spec, self.spec)
        self._ids = PredictionIds(version.model)
        self._control = self.spec.value.control.share if self.spec.value.control else None
        self._context = LogContext(
            model=version.model,
            version=version.number,
            trained_model=version.id,
            inputs={},
            ticks={},
            key=self._key,
            columns=self.columns,
            scores=score_names(self.predictor),
            declared=kept_json(project.spec, version.model),
            control=self._control,
        )
        self._pick_inputs, self._pick_logged = _picking(self._inputs), _picking(self._logged)

    @property
    def is_synced(self) -> bool:
        """Whether an answer leaves only once its log line is on the disk."""
        online = self.spec.deployment.online
        return online is not None and online.log == "synced"

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
            "key": {name: self.sent[name] for name in self._key},
            "columns": {name: kind for name, kind in self.sent.items() if name not in self._key},
            "tables": list(self._tables),
        }

    @property
    def key(self) -> tuple[str, ...]:
        """The key columns of the entity."""
        return self._key

    def answer(self, row: Mapping[str, Any], view: View, at: datetime, beside: ServedModel | None = None) -> Answered:
        """Return the prediction for one row of a request.

        Parameters
        ----------
        row
            As the body has it: the entity's key, and columns that the store does not have or that differ.
        view
            The online store.
        at
            Now, by the project's clock.
        beside
            The other version that is to predict the row afterwards.

        Raises
        ------
        RequestProblem
        """
        begun = time.perf_counter_ns()
        features = self._look_up(row, view)
        if features.missing:
            raise RequestProblem.row("missing_column", self._missing(features))
        looked_up = time.perf_counter_ns()
        shared, micros = self._shared(view.description), to_micros(at)
        states = {state.alias: shared.tables.state(state, micros) for state in features.tables}
        values = {**features.values, PREDICTION_TIME: at}
        before = time.perf_counter_ns()
        try:
            predicted = self._form.predict(self._pick_inputs(values), is_control=self._holds_out(values))
        except PredictionError as error:
            raise RequestProblem.row("wrong_type", str(error)) from None
        took = time.perf_counter_ns() - before
        id = self._ids.next(micros, [values[name] for name in self._key_columns])
        record = self._record(id, values, predicted, micros)
        body = self._body(id, predicted, states, at)
        if self._rule is not None:
            body["population"] = self._rule.of_row(features, at)._asdict()
        return Answered(body, shared.context, record, self, row, values, looked_up - begun, took, beside)

    def _holds_out(self, values: Mapping[str, Any]) -> bool:
        """Return whether the entity of a row is of the control group."""
        key = [values[name] for name in self._key_columns]
        return self._control is not None and is_control(self.spec.name, key, self._control)

    def predict_as_candidate(self, answered: Answered, store: OnlineStore) -> tuple[bool, RowPrediction]:
        """Return the prediction for the row of another version's answer, and whether it looked the row up again.

        It does where it reads other features than that version, at the ticks that are published now.

        Raises
        ------
        RequestProblem, PredictionError
            Where it cannot predict this row.
        """
        values = answered.values
        if looked_up := any(name not in values for name in self._inputs):
            with store.view() as view:
                features = self._look_up(answered.row, view)
            if features.missing:
                raise RequestProblem.row("missing_column", self._missing(features))
            values = {**features.values, PREDICTION_TIME: answered.values[PREDICTION_TIME]}
        return looked_up, self._form.predict(self._pick_inputs(values))

    def read_key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the entity's key as a request has it, null where it has none."""
        values = self._reader.read(row)
        return tuple(values.get(name) for name in self._key)

    def predict_values(self, values: Sequence[Any]) -> RowPrediction:
        """Return the prediction for one value of each of the predictor's inputs."""
        return self._form.predict(values)

    def features(self, row: Mapping[str, Any], view: View, at: datetime) -> Mapping[str, Any]:
        """Return the values that a prediction for a row would use, without predicting."""
        features = self._look_up(row, view)
        shared = self._shared(view.description)
        return {
            "values": {name: plain_json(features.values.get(name)) for name, _ in self.columns},
            "tables": {state.alias: shared.tables.state(state, to_micros(at)) for state in features.tables},
            "missing": list(features.missing),
        }

    def _look_up(self, row: Mapping[str, Any], view: View) -> LookedUp:
        values = self._reader.read(row)
        try:
            return self._lookup.look_up(view, values)
        except OnlineRequestFault as error:
            raise RequestProblem.row("wrong_column", str(error)) from None

    def _missing(self, features: LookedUp) -> str:
        names = [name.partition(".")[2] for name in features.missing]
        noun = "column" if len(names) == 1 else "columns"
        return (
            f"the request lacks the {noun} {listed(names)}, and the online store has no row of "
            f"{self.spec.population.owner} for this {self.spec.population.entity}. Send what the model needs beside "
            "the key."
        )

    def _shared(self, description: Description) -> SharedFacts:
        if self._now is None or self._now.description is not description:
            self._now = shared_facts(description, self.spec, self._tables, self._source_inputs, self._context)
        return self._now

    def _record(self, id: str, values: Mapping[str, Any], predicted: RowPrediction, at: int) -> LoggedPrediction:
        logged = list(self._pick_logged(values))
        for place in self._instants:
            if logged[place] is not None:
                logged[place] = to_micros(logged[place])
        return LoggedPrediction(
            context=-1,
            id=id,
            at=at,
            key=[values[name] for name in self._key_columns],
            scores=[predicted.score] if predicted.score is not None else list(predicted.scores),
            predicted=None if predicted.predicted is None else str(predicted.predicted),
            action=predicted.action,
            expected_value=finite_or_null(predicted.expected_value),
            unlearned_nulls=predicted.unlearned_nulls,
            values=logged,
            control=None if self._control is None else predicted.best_action is not None,
            best_action=predicted.best_action or predicted.action,
        )

    def _body(self, id: str, predicted: RowPrediction, states: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        scores = (
            {"score": finite_or_null(predicted.score)}
            if not predicted.scores
            else {
                "scores": dict(zip(map(str, self.predictor.classes), predicted.scores, strict=True)),
                "predicted": predicted.predicted,
            }
        )
        return {
            "prediction_id": id,
            "model": self.version.model,
            "version": self.version.number,
            "prediction_time": format_instant(at),
            **scores,
            "action": predicted.action,
            "expected_value": finite_or_null(predicted.expected_value),
            **({} if self._control is None else {"control": predicted.best_action is not None}),
            "unlearned_nulls": predicted.unlearned_nulls.split(", ") if predicted.unlearned_nulls else [],
            "tables": states,
        }


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Return what takes the values of some columns out of all."""
    return itemgetter(*names) if len(names) > 1 else lambda values: [values[name] for name in names]
