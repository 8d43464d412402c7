"""What differs between a served row and the same row recomputed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.hashing import format_instant
from ml_platform.core.plain_values import plain_value
from ml_platform.storage.artifact_kinds.parity import DifferentValue

LISTED = 10
"""So many differences are kept with both values; all are counted."""


@dataclass(frozen=True)
class Difference:
    """One value of one row that differs.

    Attributes
    ----------
    row
        The prediction id, or the key of a drawn entity.
    column
        A feature, a column of a transform, or an output of the predictor.
    note
        Where to look, such as the tick of the feature table.
    """

    row: str
    column: str
    served: Any
    recomputed: Any
    note: str = ""

    @property
    def kept(self) -> DifferentValue:
        """The difference as texts, to be kept."""
        served, recomputed = shown(self.served), shown(self.recomputed)
        return DifferentValue(row=self.row, column=self.column, served=served, recomputed=recomputed, note=self.note)


def shown(value: Any) -> str:
    """Return a value with all its digits.

    >>> shown(0.1), shown("a"), shown(float("nan"))
    ('0.1', "'a'", 'null')
    """
    value = plain_value(value)
    if isinstance(value, datetime):
        return format_instant(value)
    return "null" if value is None else repr(value)


@dataclass
class Compared:
    """Rows that were compared.

    Attributes
    ----------
    differing
        How many rows differ in some value.
    by_column
        In how many rows each column differs.
    differences
        The first of them: of each row the first column that differs.
    """

    rows: int = 0
    differing: int = 0
    by_column: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def add(
        self,
        ids: Sequence[str],
        served: pd.DataFrame,
        recomputed: pd.DataFrame,
        masks: Mapping[str, np.ndarray],
        note: Callable[[int, str], str],
    ) -> Iterator[tuple[int, int, str]]:
        """Count rows, and list those that differ; yields what was listed: the place in the list, the row, the column.

        Parameters
        ----------
        masks
            For each column, which rows differ.
        note
            Returns the note on a column of a row, by the row's place.
        """
        self.rows += len(ids)
        differs = np.zeros(len(ids), bool)
        for column, mask in masks.items():
            differs |= mask
            if mask.any():
                self.by_column[column] += int(mask.sum())
        self.differing += int(differs.sum())
        for place in np.flatnonzero(differs)[: LISTED - len(self.differences)]:
            column = next(name for name, mask in masks.items() if mask[place])
            one, other = (plain_value(frame[column].iloc[place]) for frame in (served, recomputed))
            self.differences.append(Difference(ids[place], column, one, other, note(int(place), column)))
            yield len(self.differences) - 1, int(place), column
