"""Rescoring: the logged inputs through the same trained model, and every output byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor
from ml_platform.operations.predictions.rows import UNLEARNED_NULLS


@dataclass(frozen=True)
class Output:
    """One output as it was logged and as it was recomputed.

    Attributes
    ----------
    logged_bytes, rescored_bytes
        In hexadecimal: of a number the eight bytes of its double, the sign first; of a text its UTF-8; else ``null``.
    agrees
        Whether they are the same.
    """

    name: str
    logged: float | str | None
    rescored: float | str | None
    logged_bytes: str
    rescored_bytes: str
    agrees: bool


@dataclass(frozen=True)
class Rescored:
    """All outputs of one prediction."""

    outputs: tuple[Output, ...]
    agrees: bool

    @property
    def statement(self) -> str:
        """The result of the comparison, in a sentence."""
        differing = [output for output in self.outputs if not output.agrees]
        if not differing:
            return f"All {len(self.outputs)} outputs were reproduced exactly."
        differences = "; ".join(f"{item.name} was {item.logged!r} and is {item.rescored!r}" for item in differing)
        return f"{len(differing)} of {len(self.outputs)} outputs differ: {differences}."


def rescore(predictor: Predictor, inputs: pd.DataFrame, logged: pd.DataFrame) -> list[Rescored]:
    """Predict from inputs and compare with what was logged; one result for each row.

    Parameters
    ----------
    inputs
        With the predictor's columns.
    logged
        The same rows as the log has them.
    """
    recomputed = predictor.predict(read_columns(inputs, predictor.inputs))
    return [
        _compared(list(recomputed.columns), logged.iloc[row], recomputed.iloc[row]) for row in range(len(recomputed))
    ]


def output_names(predictor: Predictor) -> list[str]:
    """Return the names of a predictor's outputs, as the log has them."""
    scores = [f"score.{name}" for name in predictor.classes] if len(predictor.classes) > 2 else ["score"]
    return [*scores, *(["predicted"] if len(scores) > 1 else []), "action", "expected_value"]


def _compared(names: Sequence[str], logged: pd.Series, recomputed: pd.Series) -> Rescored:
    """Compare outputs. Where another action was recommended than the best one, the predictor did not choose it."""
    outputs = []
    best = output_value(logged.get(BEST_ACTION))
    for name in names if best in (None, output_value(logged.get("action"))) else names[:-1]:
        before = best if name == "action" and best is not None else output_value(logged.get(name))
        after = output_value(recomputed[name])
        one, other = bytes_of(before), bytes_of(after)
        outputs.append(Output(name, before, after, one, other, one == other))
    return Rescored(tuple(outputs), all(output.agrees for output in outputs))


def output_value(value: Any) -> float | str | None:
    """Return an output as Python has it; None for null and for what is not a number."""
    if value is None or value is pd.NA or value != value:
        return None
    return float(value) if isinstance(value, float | int | np.number) else str(value)


def bytes_of(value: float | str | None) -> str:
    """Return the bytes of an output in hexadecimal.

    >>> bytes_of(0.5), bytes_of("wait"), bytes_of(None)
    ('3fe0000000000000', '77616974', 'null')
    """
    if value is None:
        return "null"
    return struct.pack(">d", value).hex() if isinstance(value, float) else value.encode().hex()


def unlearned_nulls(row: pd.Series, predictor: Predictor) -> Iterator[str]:
    """Yield what the estimator saw in place of each null that training did not know."""
    names = row.get(UNLEARNED_NULLS)
    fills = {column.name: column.fill for column in predictor.matrix}
    for name in str(names).split(", ") if isinstance(names, str) else ():
        fill = fills.get(name)
        seen = "none of the known categories" if fill is None else f"the median of training, {fill:g}"
        yield f"{name} is null, and no training row had a null there: the model was given {seen}"
