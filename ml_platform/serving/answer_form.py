"""What the answer of a version consists of, and the record of it in the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from ml_platform.core.clock import to_micros
from ml_platform.models.predictor import Predictor
from ml_platform.models.row_form import RowPrediction
from ml_platform.operations.predictions.online_log import LoggedPrediction
from ml_platform.serving.answer_values import finite_or_null
from ml_platform.storage.versions import Version


class AnswerForm:
    """Makes answers and records of one version.

    Parameters
    ----------
    columns
        Name and type of each logged value, in order.
    places
        The place of each column among the cells of a row.
    """

    def __init__(
        self,
        version: Version,
        predictor: Predictor,
        columns: Sequence[tuple[str, str]],
        places: Mapping[str, int],
    ) -> None:
        self._version, self._classes = version, predictor.classes
        self._pick_logged = picking([places[name] for name, _ in columns])
        self._instants = [place for place, (_, kind) in enumerate(columns) if kind == "timestamp"]

    def record(
        self, id: str, at: int, cells: Sequence[Any], key: Sequence[Any], predicted: RowPrediction
    ) -> LoggedPrediction:
        """Return what is logged, but for the number of its context; `at` is in microseconds since 1970 UTC."""
        logged = list(self._pick_logged(cells))
        for place in self._instants:
            if logged[place] is not None:
                logged[place] = to_micros(logged[place])
        return LoggedPrediction(
            -1,
            id,
            at,
            list(key),
            [predicted.score] if predicted.score is not None else list(predicted.scores),
            None if predicted.predicted is None else str(predicted.predicted),
            predicted.action,
            finite_or_null(predicted.expected_value),
            predicted.unlearned_nulls,
            logged,
            best_action=predicted.best_action or predicted.action,
        )

    def body(
        self, id: str, at: str, predicted: RowPrediction, states: Mapping[str, Any], control: bool | None
    ) -> dict[str, Any]:
        """Return what is sent; `at` is the instant as text."""
        unlearned = predicted.unlearned_nulls
        body: dict[str, Any] = {
            "prediction_id": id,
            "model": self._version.model,
            "version": self._version.number,
            "prediction_time": at,
            "score": finite_or_null(predicted.score),
            "action": predicted.action,
            "expected_value": finite_or_null(predicted.expected_value),
            "unlearned_nulls": unlearned.split(", ") if unlearned else [],
            "tables": states,
        }
        if predicted.scores:
            del body["score"]
            body["scores"] = dict(zip(map(str, self._classes), predicted.scores, strict=True))
            body["predicted"] = predicted.predicted
        if control is not None:
            body["control"] = control
        return body


def picking(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what takes the cells of some places."""
    return itemgetter(*places) if len(places) > 1 else lambda cells: [cells[place] for place in places]
