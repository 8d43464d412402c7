"""The source rows of a feature, and the questions by which they are looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from ml_platform.declarations.aggregates import Feature
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.resolve import columns_needed
from ml_platform.storage.manifest import Artifact

TICK = "_at"
"""The column of questions that holds the tick."""


@dataclass(frozen=True)
class SourceRow:
    """One row of a source, as it was known at a tick.

    Attributes
    ----------
    values
        Its key, and the columns that take part.
    event, known
        When it happened, and from when it was known.
    replaced
        When another row replaced it, or it was deleted, later than the tick; None where neither has happened.
    value
        The value of the feature's expression on the row. `gives_value` marks the row whose value is the feature's.
    """

    values: Mapping[str, Any]
    event: datetime
    known: datetime
    replaced: datetime | None = None
    value: Any = None
    gives_value: bool = False


@dataclass(frozen=True)
class TracedRows:
    """The source rows that one feature's value follows from.

    Attributes
    ----------
    source, source_id
        The source, and the state of its log that the feature table was made from.
    entity
        The key of the entity that the feature is about.
    start, end
        The window, without its start and with its end; `start` None means since ever.
    count
        How many rows took part; `nulls` of them have no value.
    rows
        The newest of them, newest first.
    derived_from
        For a derived feature, the columns of its table that it is made from, in the place of rows.
    """

    source: str
    source_id: str
    entity: Mapping[str, Any]
    start: datetime | None
    end: datetime
    count: int
    nulls: int
    rows: tuple[SourceRow, ...]
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableQuestions:
    """What is asked of one feature table.

    Attributes
    ----------
    artifact
        The feature table; its source is read in the state that the table was made from.
    questions
        One row each: the entity's key columns, and ``_at``, the tick.
    columns
        Columns of the table.
    """

    table: FeatureTableSpec
    artifact: Artifact
    questions: pd.DataFrame
    columns: Sequence[str]

    @property
    def features(self) -> dict[str, Feature]:
        """The features that read rows, of those that are asked for and those that they are derived from."""
        names = dict.fromkeys(self.table.columns[item][0] for item in columns_needed(self.table, self.columns))
        return {name: self.table.features[name] for name in names if self.table.features[name].from_columns is None}

    @property
    def expressions(self) -> list[str]:
        """Every expression that is read, the table's own condition among them."""
        texts = [text for item in self.features.values() for text in (*item.expressions.values(), item.where)]
        return list(dict.fromkeys(text for text in (self.table.where, *texts) if text is not None))


Answers = dict[tuple[Any, ...], dict[str, TracedRows]]
"""The source rows of each column, by question: the entity's key and the tick."""
