"""The predictor for one row of plain values: what `Predictor.predict` gives for a frame of that row, to the bit.

Everything that does not depend on the values is done once. What has no form for one row (an estimator, a calibrator or
a function of an installed package, a transform without a row form) goes through its form for many rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ml_platform.core.errors import PredictionError
from ml_platform.models.calibration import Calibration
from ml_platform.models.decision import Decision
from ml_platform.models.estimators.base import Estimator
from ml_platform.models.inputs.columns import InputColumn
from ml_platform.models.inputs.matrix import MatrixColumn
from ml_platform.models.inputs.row import Row, RowColumns, encoder, value_reader
from ml_platform.models.inputs.transforms import Transform

_INFINITY = float("inf")


class RowPrediction(NamedTuple):
    """The prediction for one row.

    Attributes
    ----------
    score
        The probability of the label, or the number; None for several classes.
    scores
        For several classes the probability of each, in the order of the predictor's classes; else empty.
    predicted
        For several classes the likeliest, else None.
    action, expected_value
        The recommended action and its expected payoff; None where they are null.
    unlearned_nulls
        The columns that are null where training had no null, joined by commas; None for none.
    best_action
        Of a row that is held out, the action that would be recommended otherwise; else None.
    expected
        The expected payoff of each declared action; nothing for a regression.
    """

    score: float | None
    scores: tuple[float, ...]
    predicted: Any
    action: str | None
    expected_value: float | None
    unlearned_nulls: str | None
    best_action: str | None = None
    expected: Sequence[float] = ()


class RowForm:
    """A predictor for one row, which one thread uses at a time.

    Attributes
    ----------
    inputs
        The columns whose values a row gives, in order.
    """

    inputs: tuple[InputColumn, ...]

    def __init__(
        self,
        inputs: tuple[InputColumn, ...],
        transforms: tuple[Transform, ...],
        matrix: tuple[MatrixColumn, ...],
        estimator: Estimator,
        calibration: Calibration,
        decision: Decision,
        classes: tuple[Any, ...],
    ) -> None:
        types = {column.name: column.type for column in inputs}
        types |= {column.name: column.type for transform in transforms for column in transform.columns}
        order = {name: place for place, name in enumerate(types)}
        self._columns = RowColumns(types, matrix)
        self.inputs = inputs
        self._names = [column.name for column in inputs]
        self._floats = [float if column.type == "float" else None for column in inputs]
        self._readers = [value_reader(column) for column in inputs]
        self._transforms = [transform.of_row(types) for transform in transforms]
        self._picked = _picking([order[column.name] for column in matrix])
        encoders = [encoder(column, types[column.name]) for column in matrix]
        self._encoders = [(place, encode) for place, encode in enumerate(encoders) if encode is not None]
        in_matrix = {column.name for column in matrix}
        self._is_plain = not transforms and all(column.name in in_matrix for column in inputs if column.type == "float")
        self._unlearned = [
            (place, order[column.name], column)
            for place, column in enumerate(matrix)
            if not column.had_nulls or column.fill is not None
        ]
        self._score = estimator.row_function(self._columns)
        self._calibrated = calibration.apply_one
        self._decide = decision.of_row(self._columns, classes)
        self._nothing = decision.do_nothing
        self._hold = decision.expectation_of_row(self._nothing, self._columns, classes)
        self._classes = classes

    def predict(self, values: Sequence[Any], *, is_control: bool = False) -> RowPrediction:
        """Return the prediction for one row.

        Parameters
        ----------
        values
            One value for each column of `inputs`, in order: float, int, bool, str, an aware datetime, or None.
        is_control
            Whether the row is held out: then the action is ``do_nothing``.

        Raises
        ------
        PredictionError
            Where there are too few or too many values, one is of another type, or a transform fails.
        """
        cells, numbers = self._read(values)
        return self._predict(cells, numbers, sum(numbers), is_control)

    def predict_typed(self, values: Sequence[Any], *, is_control: bool = False) -> RowPrediction:
        """Return what `predict` does for values that have the types of their columns already; a null float is NaN.

        A float that is not finite is a null, and is looked for only where there is one.
        """
        if not self._is_plain:
            return self.predict(values, is_control=is_control)
        numbers = self._numbers(values)
        total = sum(numbers)
        if total - total != 0.0 and (_INFINITY in numbers or -_INFINITY in numbers):
            return self.predict(values, is_control=is_control)
        return self._predict(values, numbers, total, is_control)

    def _predict(self, cells: Sequence[Any], numbers: list[float], total: float, is_control: bool) -> RowPrediction:
        unlearned = self._fill(numbers, cells) if total != total and self._unlearned else None
        row = Row(self._columns, numbers, cells)
        score = self._calibrated(self._score(row))
        prediction = self._prediction(row, score, unlearned)
        return self._held_out(row, prediction) if is_control else prediction

    def read(self, values: Sequence[Any]) -> tuple[dict[str, Any], list[float]]:
        """Return the named columns of a row, those of transforms among them, and the matrix before nulls are filled.

        Raises
        ------
        PredictionError
        """
        cells, numbers = self._read(values)
        return dict(zip(self._columns.types, cells, strict=True)), numbers

    def _read(self, values: Sequence[Any]) -> tuple[list[Any], list[float]]:
        if len(values) != len(self._readers):
            raise PredictionError(
                f"a row has {len(values)} values; the predictor has {len(self._readers)} input columns. Give one value "
                "for each, in the order of the columns."
            )
        cells: list[Any] = [
            value if value.__class__ is kind and (value - value == 0.0 or value != value) else read(value)
            for value, kind, read in zip(values, self._floats, self._readers, strict=True)
        ]
        if self._transforms:
            named = dict(zip(self._names, cells, strict=True))
            for add in self._transforms:
                named.update(add(named))
            cells = list(named.values())
        return cells, self._numbers(cells)

    def _numbers(self, cells: Sequence[Any]) -> list[float]:
        """Return the row of the matrix."""
        numbers = self._picked(cells)
        for place, encode in self._encoders:
            numbers[place] = encode(numbers[place])
        return numbers

    def _fill(self, numbers: list[float], cells: Sequence[Any]) -> str | None:
        """Put in place what a null counts as where training had no null, and return the names of such columns."""
        names = []
        for place, cell, column in self._unlearned:
            if numbers[place] == numbers[place] or not is_null(cells[cell]):
                continue
            if not column.had_nulls:
                names.append(column.name)
            if column.fill is not None:
                numbers[place] = column.fill
        return ", ".join(names) or None

    def _held_out(self, row: Row, prediction: RowPrediction) -> RowPrediction:
        shares = prediction.scores or self._shares(prediction.score)
        value = self._hold(row, shares)
        return prediction._replace(action=self._nothing, expected_value=value, best_action=prediction.action)

    def _shares(self, score: float | None) -> tuple[float, ...]:
        return () if score is None else (1 - score, score)

    def _prediction(self, row: Row, score: float | tuple[float, ...], unlearned: str | None) -> RowPrediction:
        if isinstance(score, tuple):
            action, value, expected = self._decide(row, score)
            likeliest = self._classes[_likeliest(score)]
            return RowPrediction(None, score, likeliest, action, value, unlearned, None, expected)
        shares = (1 - score, score) if self._classes else (score,)
        action, value, expected = self._decide(row, shares)
        return RowPrediction(score, (), None, action, value, unlearned, None, expected)


def _picking(places: Sequence[int]) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what takes the cells of the matrix out of all cells."""
    if len(places) < 2:
        return lambda cells: [cells[place] for place in places]
    pick = itemgetter(*places)
    return lambda cells: list(pick(cells))


def is_null(value: Any) -> bool:
    """Return whether a plain value is null."""
    return value is None or value != value


def _likeliest(scores: tuple[float, ...]) -> int:
    """Return the first place with the largest score; NaN is the largest, as NumPy has it."""
    unknown = [place for place, score in enumerate(scores) if score != score]
    return unknown[0] if unknown else scores.index(max(scores))
