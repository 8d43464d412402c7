"""The frame of a model as pandas: one code path for training and for production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.core.frames import to_frame
from ml_platform.datasets.frame import Frame
from ml_platform.project import Project

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class QuestionRows:
    """The rows that production asks about, and those that it would have asked about.

    Attributes
    ----------
    rows
        One row for each question, with ``late`` beside the columns of `model_frame`.
    excluded
        ``effective_time``, the ``reason`` (a key of `EXCLUSIONS`) and ``rows``: how many rows were left out at a batch
        run for which reason.
    """

    rows: pd.DataFrame
    excluded: pd.DataFrame


def model_frame(
    project: Project, model_name: str, inputs: Mapping[str, str], start: datetime, end: datetime, now: datetime
) -> pd.DataFrame:
    """Return the rows whose batch run lies in ``(start, end]`` and not after `now`, with point-in-time features.

    Parameters
    ----------
    inputs
        Ids of artifacts by node, such as ``{"sources/orders": ..., "features/courier_recent": ...}``.

    Returns
    -------
    pandas.DataFrame
        One row for each row of the population that was known at the last batch run at or before its prediction time,
        as it was known then; sorted by that run and by key. Of several rows that ask about one entity at one run, the
        first that became known stays; rows without the entity's key are left out. Columns: the entity's key,
        ``prediction_time``, ``effective_time`` (the batch run), the population's columns as ``source.column``, features
        as ``table.column``. Whole numbers are Int64, conditions boolean, strings objects, instants UTC microseconds.

    Raises
    ------
    FrameError
        Where an input's id is not given.
    """
    with project.engine() as engine:
        return to_frame(Frame(project, model_name, inputs, engine).rows(start, min(end, now)))


def asked_frame(
    project: Project, model_name: str, inputs: Mapping[str, str], start: datetime, end: datetime, now: datetime
) -> QuestionRows:
    """Return the rows of `model_frame`, and what was left out; where a model declares so, rows that came late as well.

    A row that became known only after its batch run came late. With ``deployment: {late_rows: score}`` it is asked
    about at the first batch run at which it is known, if its label horizon has not passed by then.
    """
    with project.engine() as engine:
        frame = Frame(project, model_name, inputs, engine)
        rows, counts = frame.asked_rows(start, min(end, now))
        return QuestionRows(to_frame(rows), to_frame(counts))
