"""From a score to an action, and from an action to money.

Classification: the expected payoff of each action is its payoff under each class, weighted by that class's
probability; the action with the highest expectation is recommended. Regression: the prediction itself is acted
on, so there is one payoff over the truth and the prediction. It has no expected value before the truth is known:
a point prediction does not show how the truth scatters around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from ml_platform.core.expressions import Expression, Kind, parse_expression
from ml_platform.core.expressions.row_backend import Compute, constant_value
from ml_platform.declarations.value import Value

if TYPE_CHECKING:
    from ml_platform.models.inputs.row import Row, RowColumns

LABEL, PREDICTION = "label", "prediction"
Recommended: TypeAlias = tuple[str | None, float | None, Sequence[float]]
_KINDS: Mapping[type, Kind] = {bool: "bool", int: "int", float: "float", str: "string"}


@dataclass(frozen=True)
class Decision:
    """What a row earns or costs, and which action is worth most.

    Attributes
    ----------
    source
        The population's source: bare names in expressions are its columns.
    actions
        Payoff by action, in declared order; empty for regression.
    payoff
        The payoff of acting on a prediction; None for classification.
    do_nothing
        The action, or the expression of the prediction, that means having no model.
    """

    source: str
    actions: Mapping[str, str]
    payoff: str | None
    do_nothing: str

    @classmethod
    def declared(cls, value: Value, source: str) -> Decision:
        """Return the decision that a model declares."""
        return cls(source, dict(value.actions or {}), value.payoff, value.do_nothing)

    def to_json(self) -> dict[str, Any]:
        """Return the decision as a manifest keeps it; the order of actions is kept, since ties go to the first."""
        actions = [[name, text] for name, text in self.actions.items()]
        return {"source": self.source, "actions": actions, "payoff": self.payoff, "do_nothing": self.do_nothing}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Decision:
        """Return the decision that a manifest keeps."""
        return cls(facts["source"], dict(facts["actions"]), facts["payoff"], facts["do_nothing"])

    @cached_property
    def _expressions(self) -> dict[str, Expression]:
        texts = {**self.actions, **({PREDICTION: self.payoff} if self.payoff is not None else {})}
        return {name: parse_expression(text) for name, text in texts.items()}

    @property
    def columns(self) -> tuple[str, ...]:
        """The frame's columns that the payoffs read, sorted."""
        expressions = [*self._expressions.values(), *([] if self.actions else [parse_expression(self.do_nothing)])]
        names = {name for expression in expressions for name in expression.names}
        return tuple(sorted(self._column(name) for name in names - {LABEL, PREDICTION}))

    @property
    def nothing_reads_label(self) -> bool:
        """Whether what doing nothing earns depends on the label; False for a regression."""
        return self.do_nothing in self.actions and LABEL in self._expressions[self.do_nothing].names

    def best(self, expected: pd.DataFrame) -> pd.DataFrame:
        """Return the action of each row with the highest expected payoff, the first of equal ones.

        Parameters
        ----------
        expected
            The expected payoff of each action (`expected_values`).

        Returns
        -------
        One row per row of `expected` with ``action`` and ``expected_value``. Where a payoff is null the action is
        `do_nothing`. For a regression both are null.
        """
        if not self.actions:
            return pd.DataFrame({"action": None, "expected_value": np.nan}, index=expected.index)
        worth = expected.to_numpy()
        unknown = np.isnan(worth).any(axis=1)
        best = np.argmax(np.where(unknown[:, None], 0.0, worth), axis=1)
        names = np.array(list(self.actions), dtype=object)
        action = np.where(unknown, self.do_nothing, names[best])
        value = np.where(unknown, np.nan, worth[np.arange(len(expected)), best])
        return pd.DataFrame({"action": action.astype(object), "expected_value": value}, index=expected.index)

    def of_row(self, columns: RowColumns, classes: Sequence[Any]) -> Callable[[Row, Sequence[float]], Recommended]:
        """Return what recommends an action for one row, with the bits of `best`.

        Parameters
        ----------
        columns
            The columns that every row will have.
        classes
            The label's values in the order of the scores; empty for a regression.

        Returns
        -------
        A function of the row and the probability of each class, which gives the action and its expected payoff, None
        where `best` has null, and the expected payoff of each action.
        """
        if not self.actions:
            return lambda row, shares: (None, None, ())
        payoffs = [[self._payoff_of_row(name, columns, label) for label in classes] for name in self.actions]
        names = list(self.actions)

        def recommended(row: Row, shares: Sequence[float]) -> Recommended:
            expected = [_expectation(of_classes, row.cells, shares) for of_classes in payoffs]
            for value in expected:
                if value != value:
                    return self.do_nothing, None, expected
            best = max(expected)
            return names[expected.index(best)], best, expected

        return recommended

    def expectation_of_row(
        self, action: str, columns: RowColumns, classes: Sequence[Any]
    ) -> Callable[[Row, Sequence[float]], float | None]:
        """Return what computes the expected payoff of one action for one row, as `expected_values` has it."""
        if action not in self.actions:
            return lambda row, shares: None
        payoffs = [self._payoff_of_row(action, columns, label) for label in classes]
        return lambda row, shares: _expectation(payoffs, row.cells, shares)

    def _payoff_of_row(self, action: str, columns: RowColumns, label: Any) -> Compute:
        """Return the payoff of an action under a class for one row, NaN where it is null."""
        expression = self._expressions[action]
        leaves = {
            name: constant_value(_KINDS[type(label)], label) if name == LABEL else columns.value(self._column(name))
            for name in expression.names
        }
        computed = expression.of_row(leaves)
        if computed.constant:
            constant = _number_of(computed.compute(()))
            return lambda cells: constant
        compute = computed.compute
        return lambda cells: math.nan if (value := compute(cells)) is None else float(value)

    def expected_values(self, frame: pd.DataFrame, scores: np.ndarray, classes: Sequence[Any]) -> pd.DataFrame:
        """Return the expected payoff of every action, one column each; no column for a regression.

        Parameters
        ----------
        frame
            One row per prediction, with the columns that the payoffs read.
        scores
            Probability of each class, one column per class; for a regression the prediction.
        classes
            The label's values, in the order of the columns of `scores`; empty for a regression.
        """
        expected = {name: self._expected(name, frame, scores, classes) for name in self.actions}
        return pd.DataFrame(expected, index=frame.index)

    def _expected(self, action: str, frame: pd.DataFrame, scores: np.ndarray, classes: Sequence[Any]) -> np.ndarray:
        total = np.zeros(len(frame))
        for index, label in enumerate(classes):
            total = total + scores[:, index] * self._payoff(action, frame, **{LABEL: _repeat(label, len(frame))})
        return total

    def value(self, frame: pd.DataFrame, label: pd.Series | np.ndarray, taken: pd.Series | np.ndarray) -> np.ndarray:
        """Return what each row earned, in the project's currency.

        Parameters
        ----------
        frame
            One row per prediction, with the columns that the payoffs read.
        label
            The truth of each row.
        taken
            The action that was taken on each row; for a regression the prediction that was acted on.

        Returns
        -------
        One number per row; NaN where a column that the payoff reads is null, or the action is not declared.
        """
        if not self.actions:
            return self._payoff(PREDICTION, frame, **{LABEL: label, PREDICTION: np.asarray(taken, dtype="float64")})
        earned = np.full(len(frame), np.nan)
        actions = np.asarray(taken, dtype=object)
        for name in self.actions:
            earned = np.where(actions == name, self._payoff(name, frame, **{LABEL: label}), earned)
        return earned

    def nothing(self, frame: pd.DataFrame) -> np.ndarray:
        """Return what is done on each row without a model: an action, or a number that replaces the prediction."""
        if self.actions:
            return np.full(len(frame), self.do_nothing, dtype=object)
        expression = parse_expression(self.do_nothing)
        return expression.evaluate(self._values(expression, frame, {}), len(frame)).astype("float64")

    def _payoff(self, name: str, frame: pd.DataFrame, **named_values: Any) -> np.ndarray:
        expression = self._expressions[name]
        evaluated = expression.evaluate(self._values(expression, frame, named_values), len(frame))
        return np.asarray(evaluated, dtype="float64")

    def _values(self, expression: Expression, frame: pd.DataFrame, named_values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: named_values[name] if name in named_values else frame[self._column(name)] for name in expression.names
        }

    def _column(self, name: str) -> str:
        return name if "." in name else f"{self.source}.{name}"


def _expectation(payoffs: Sequence[Compute], cells: Sequence[Any], shares: Sequence[float]) -> float:
    total = 0.0
    for payoff, share in zip(payoffs, shares, strict=True):
        total += share * payoff(cells)
    return total


def _number_of(value: Any) -> float:
    return math.nan if value is None else float(value)


def _repeat(label: Any, rows: int) -> np.ndarray:
    return np.full(rows, label, dtype=object if isinstance(label, str) else None)
