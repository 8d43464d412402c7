"""From which probability on an action pays: where it is expected to earn more than doing nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ml_platform.models.predictor import Predictor

Pays = Literal["from", "up to", "always", "never"]


@dataclass(frozen=True)
class BreakEven:
    """The probability of the label at which an action is worth as much as doing nothing.

    Attributes
    ----------
    share
        None where the action pays at every probability, or at none.
    """

    action: str
    pays: Pays
    share: float | None


def break_evens(predictor: Predictor, rows: pd.DataFrame) -> list[BreakEven | None]:
    """Return the break-even of each row: of the action that is worth most there, doing nothing left aside.

    None for a predictor without two classes and actions, and where a payoff is null.

    Parameters
    ----------
    rows
        As `read_columns` returns them.
    """
    decision = predictor.decision
    others = [action for action in decision.actions if action != decision.do_nothing]
    if len(predictor.classes) != 2 or not others or decision.do_nothing not in decision.actions:
        return [None] * len(rows)
    ends = []
    for shares in ((1.0, 0.0), (0.0, 1.0)):
        worth = decision.expected_values(rows, np.tile(shares, (len(rows), 1)), predictor.classes)
        ends.append(worth[others].sub(worth[decision.do_nothing], axis=0).to_numpy(dtype="float64"))
    here = predictor.expected_values(rows)[others].to_numpy(dtype="float64")
    points: list[BreakEven | None] = []
    for place in range(len(rows)):
        if np.isnan(here[place]).any() or np.isnan([end[place] for end in ends]).any():
            points.append(None)
            continue
        best = int(here[place].argmax())
        points.append(_break_even(others[best], float(ends[0][place][best]), float(ends[1][place][best])))
    return points


def _break_even(action: str, without: float, with_label: float) -> BreakEven:
    """Return the break-even from what the action earns more than doing nothing, without the label and with it.

    >>> _break_even("call", -1.0, 4.0)
    BreakEven(action='call', pays='from', share=0.2)
    >>> _break_even("call", 2.0, 1.0).pays, _break_even("call", -2.0, 0.0).pays
    ('always', 'never')
    """
    if without > 0 and with_label > 0:
        return BreakEven(action, "always", None)
    if without <= 0 and with_label <= 0:
        return BreakEven(action, "never", None)
    return BreakEven(action, "from" if with_label > without else "up to", without / (without - with_label))
