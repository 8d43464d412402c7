"""From which probability on an action pays, against a search over probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.audit.explain.break_even import break_evens
from ml_platform.models.decision import Decision


@dataclass
class Scored:
    """A predictor with fixed scores."""

    decision: Decision
    points: list[float]
    classes: tuple[Any, ...] = (False, True)

    def expected_values(self, rows: pd.DataFrame) -> pd.DataFrame:
        shares = np.column_stack([1 - np.array(self.points), self.points])
        return self.decision.expected_values(rows, shares, self.classes)


def decision(**actions: str) -> Decision:
    return Decision("orders", {**actions, "wait": "orders.fee * label"}, None, "wait")


ROWS = pd.DataFrame({"orders.amount": [10.0, 20.0, 50.0, 5.0], "orders.fee": [0.0, 1.0, -2.0, 0.0]})
SCORES = [0.1, 0.5, 0.9, 0.3]


@pytest.mark.parametrize(
    "actions",
    [
        {"call": "-4 + label * orders.amount"},
        {"praise": "3 - label * orders.amount"},
        {"gift": "1 + label"},
        {"fine": "-1 - label * 3"},
        {"call": "-4 + label * orders.amount", "send": "-1 + label * 2"},
    ],
)
def test_it_is_where_a_search_finds_that_acting_begins_or_ends_to_pay(actions: dict[str, str]) -> None:
    predictor: Any = Scored(decision(**actions), SCORES)
    worth = predictor.expected_values(ROWS)
    grid = np.linspace(0, 1, 10_001)
    for place, even in enumerate(break_evens(predictor, ROWS)):
        assert even is not None
        assert even.action == worth[list(actions)].iloc[place].idxmax()
        row = ROWS.iloc[[place] * len(grid)].reset_index(drop=True)
        values = predictor.decision.expected_values(row, np.column_stack([1 - grid, grid]), predictor.classes)
        pays = (values[even.action] > values["wait"]).to_numpy()
        if even.share is None:
            inside = pays[1:-1]  # at an end both may be worth the same
            assert inside.all() if even.pays == "always" else not inside.any()
        else:
            crossed = grid[pays].min() if even.pays == "from" else grid[pays].max()
            assert even.share == pytest.approx(crossed, abs=2e-4)


def test_null_payoffs_and_regressions_have_none() -> None:
    predictor: Any = Scored(decision(call="-4 + label * orders.amount"), SCORES)
    rows = ROWS.assign(**{"orders.amount": [None, 20.0, 50.0, 5.0]})
    assert [even is None for even in break_evens(predictor, rows)] == [True, False, False, False]
    regression: Any = Scored(Decision("orders", {}, "-prediction", "0"), SCORES, ())
    assert break_evens(regression, ROWS) == [None] * 4
