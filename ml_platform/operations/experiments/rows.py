"""What each row of an experiment earned, kept beside it: any two are compared on the rows that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather

from ml_platform.project import Project
from ml_platform.registry.evaluation.paired import Acted, hashed

_TEST_ROWS = b"test rows"
_UNIT = "datetime64[us]"
_EARNED = ("keys", "value", "nothing")


@dataclass(frozen=True)
class EarnedRows:
    """Rows and what they earned, in the order of the model's frame.

    Attributes
    ----------
    keys
        A number for each row, from its question and its time.
    times, entities
        When each was asked, in UTC, and a number for its entity.
    value, nothing
        What the model's actions earned, and what doing nothing earned. NaN where a row does not count.
    """

    keys: np.ndarray
    times: np.ndarray
    entities: np.ndarray
    value: np.ndarray
    nothing: np.ndarray

    def at(self, places: np.ndarray | slice) -> EarnedRows:
        """Return some of the rows."""
        return EarnedRows(*(array[places] for array in vars(self).values()))

    @property
    def days(self) -> np.ndarray:
        """The UTC day of each row."""
        return self.times.astype("datetime64[D]")

    def place_of(self, other: EarnedRows) -> tuple[np.ndarray | slice, np.ndarray | slice]:
        """Return the places of shared rows, in the order of these rows: among these, and among the others."""
        if self.keys is other.keys or np.array_equal(self.keys, other.keys):
            return np.s_[:], np.s_[:]
        _, mine, others = np.intersect1d(self.keys, other.keys, return_indices=True)
        order = np.argsort(mine, kind="stable")
        return mine[order], others[order]


Periods = tuple[EarnedRows, EarnedRows]
"""Rows of the test period, and a sample of those before it."""


def earned_rows(project: Project, side: Acted) -> EarnedRows:
    """Return what each row of a trained model earned, by the declaration of its model in a project."""
    rows, decision = side.rows, side.rows.decision
    repeated = rows.is_repeated(project.spec)
    keys = list(project.spec.file.entities[rows.model.population.entity])
    value = decision.value(rows.frame, rows.label, side.taken)
    nothing = decision.value(rows.frame, rows.label, decision.nothing(rows.frame))
    value, nothing = (np.where(repeated, np.nan, amounts.astype("float64")) for amounts in (value, nothing))
    return EarnedRows(side.keys, _times(rows.frame), hashed(rows.frame[keys]), value, nothing)


def _times(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(frame["effective_time"].dt.tz_localize(None), dtype=_UNIT)


def write_rows(file: Path, test: EarnedRows, earlier: EarnedRows) -> None:
    """Write the rows of the test period, and a sample of those before it."""
    parts: list[Mapping[str, np.ndarray]] = [vars(test), vars(earlier)]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    table = pa.table({**arrays, "times": arrays["times"].astype("int64")})
    table = table.replace_schema_metadata({_TEST_ROWS: str(len(test.keys))})
    feather.write_feather(table, str(file), compression="lz4")


def read_rows(file: Path, like: Periods | None = None) -> Periods:
    """Return the rows of the test period, and the sample of those before it.

    Parameters
    ----------
    like
        Rows that are probably the same. Where they are, only what they earned is read.
    """
    table = feather.read_table(str(file), columns=[*_EARNED], memory_map=False)
    number, earned = int(table.schema.metadata[_TEST_ROWS]), {name: table[name].to_numpy() for name in _EARNED}
    parts = [{name: array[part] for name, array in earned.items()} for part in (np.s_[:number], np.s_[number:])]
    if like is not None and all(
        np.array_equal(part["keys"], rows.keys) for part, rows in zip(parts, like, strict=True)
    ):
        same = [
            replace(rows, value=part["value"], nothing=part["nothing"]) for part, rows in zip(parts, like, strict=True)
        ]
        return same[0], same[1]
    asked = feather.read_table(str(file), columns=["times", "entities"], memory_map=False)
    times, entities = asked["times"].to_numpy().astype(_UNIT), asked["entities"].to_numpy()
    rows = EarnedRows(earned["keys"], times, entities, earned["value"], earned["nothing"])
    return rows.at(np.s_[:number]), rows.at(np.s_[number:])
