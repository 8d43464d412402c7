"""What if some inputs had been other: the same version once more, on paper. Nothing is logged."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml_platform.audit.explain.contributions import Contributions, contributions_of
from ml_platform.audit.explain.rescoring import output_names, output_value
from ml_platform.core.clock import parse_instant
from ml_platform.core.errors import InvalidWhatIf, PredictionError, listed, suggest
from ml_platform.core.plain_values import plain_value
from ml_platform.models.inputs.columns import InputColumn, read_columns
from ml_platform.models.predictor import Predictor

_TRUE, _FALSE, _NULL = ("true", "yes", "1"), ("false", "no", "0"), ("null", "none", "")


@dataclass(frozen=True)
class Change:
    """One input as it was, and as it is supposed to be."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class WhatIf:
    """What would have been answered.

    Attributes
    ----------
    outputs
        The resulting outputs, by the log's names.
    actions
        What each action could then be expected to earn.
    notes
        What has to be known to read it.
    """

    changes: tuple[Change, ...]
    outputs: Mapping[str, float | str | None]
    actions: Mapping[str, float | None]
    contributions: tuple[Contributions, ...]
    notes: tuple[str, ...]


def what_if(predictor: Predictor, row: pd.DataFrame, texts: Mapping[str, str]) -> WhatIf:
    """Score one row with other values.

    Parameters
    ----------
    row
        One row with the predictor's columns, as it was logged.
    texts
        Values as a person writes them, by column; ``null`` for none.

    Raises
    ------
    InvalidWhatIf
        For a column that the predictor does not read, with the nearest one, and for a value of another type.
    """
    columns = {column.name: column for column in predictor.inputs}
    rows = read_columns(row, predictor.inputs)
    changes = []
    for name, text in texts.items():
        column = columns.get(_full_name(name, columns))
        if column is None:
            raise InvalidWhatIf(name, f"the predictor reads no such column. {_nearest(name, columns)}")
        changes.append(Change(column.name, plain_value(rows[column.name].iloc[0]), _value(column, text)))
    changed = rows.assign(**{change.name: pd.Series([change.after], rows.index, dtype=object) for change in changes})
    try:
        read = read_columns(changed, predictor.inputs)
    except PredictionError as error:
        raise InvalidWhatIf(changes[0].name, str(error).rstrip(".")) from None
    predicted, values = predictor.predict(read).iloc[0], predictor.expected_values(read).iloc[0]
    return WhatIf(
        tuple(changes),
        {name: output_value(predicted[name]) for name in output_names(predictor)},
        {str(name): plain_value(value) for name, value in values.items()},
        contributions_of(predictor, read)[0],
        tuple(_notes(predictor, changes)),
    )


def _full_name(name: str, columns: Mapping[str, InputColumn]) -> str:
    """Return a column's full name, where the part before the dot was omitted and only one column matches."""
    meant = [known for known in columns if known.partition(".")[2] == name]
    return meant[0] if name not in columns and len(meant) == 1 else name


def _nearest(name: str, columns: Mapping[str, InputColumn]) -> str:
    """Return a hint with the nearest column, by the part after the dot where the name has no part before it."""
    same = [known for known in columns if known.partition(".")[2] == name]
    if same:
        return f"Several columns have this name: {listed(same)}. Write the full name of one"
    if "." not in name:
        bare = {known.rpartition(".")[2]: known for known in columns}
        close = difflib.get_close_matches(name, bare, n=1, cutoff=0.7)
        if close:
            return f"Did you mean {bare[close[0]]}?"
    return suggest(name, columns)


def _value(column: InputColumn, text: str) -> Any:
    if text.lower() in _NULL:
        return None
    try:
        return _READERS[column.type](text)
    except ValueError:
        example = _EXAMPLES[column.type]
        raise InvalidWhatIf(column.name, f"{text!r} is not of type {column.type}. Write {example}, or null.") from None


def _bool(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(text)
    return text.lower() in _TRUE


def _float(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError(text)
    return value


_READERS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "int": int,
    "float": _float,
    "bool": _bool,
    "timestamp": parse_instant,
}
_EXAMPLES = {
    "int": "a whole number such as 40",
    "float": "a number such as 12.5",
    "bool": "true or false",
    "timestamp": "an instant with its zone, such as 2013-12-01T08:00:00Z",
}


def _notes(predictor: Predictor, changes: Sequence[Change]) -> list[str]:
    notes = ["Only these inputs change; features computed from them keep their logged values."]
    known = {column.name: column.categories for column in predictor.matrix if column.categories is not None}
    for change in changes:
        categories = known.get(change.name)
        if categories is not None and change.after is not None and change.after not in categories:
            hint = suggest(str(change.after), categories)
            notes.append(f"Training saw no {change.name} {change.after!r}, so it counts as missing. {hint}")
    return notes
