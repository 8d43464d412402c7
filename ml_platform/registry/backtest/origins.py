"""Where the origins of a backtest lie, and which rows are fitted at each: those whose labels were known by then."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from ml_platform.core.errors import EvaluationError
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.labels.labels import labels_of
from ml_platform.datasets.labels.states import LABEL
from ml_platform.datasets.snapshot.boundaries import Boundaries
from ml_platform.datasets.snapshot.read import plain_label
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_kinds.backtest import BacktestOptions
from ml_platform.project import Project

DAY, WEEK = timedelta(days=1), timedelta(days=7)


def origins_of(model: ModelSpec, snapshot: Boundaries, options: BacktestOptions) -> list[Boundaries]:
    """Return the periods of each origin in order of time: train, validate, and as test the time to the next origin.

    The last origin's time ends with the snapshot. Each origin has equally many days before it, so that models differ in
    their age alone.

    Parameters
    ----------
    snapshot
        The periods of the snapshot whose rows are used.

    Raises
    ------
    EvaluationError
        Where too few days are left to fit.
    """
    whole, validate = snapshot.end - snapshot.train_start, model.split.validate_
    shortage = options.shortage(whole, validate)
    if shortage is not None:
        raise EvaluationError(f"{model.name}: {shortage}.")
    every = options.spacing(whole)
    before = whole - options.origins * every
    origins = [snapshot.end - back * every for back in range(options.origins, 0, -1)]
    return [
        Boundaries(origin - before, origin - validate, origin, origin + every, snapshot.horizon) for origin in origins
    ]


def known_at(
    project: Project, model: ModelSpec, label_source: str, rows: pd.DataFrame, origin: Boundaries
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the train and validate periods of an origin, with labels as they were known at the origin.

    A row takes part where its label was settled when its period ended. Answers that came after the origin, and
    corrections of answers, take no part.

    Parameters
    ----------
    label_source
        The artifact of the label's source.
    rows
        All rows of the snapshot.
    """
    effective = rows[EFFECTIVE_TIME]
    asked = rows[(effective > origin.train_start) & (effective <= origin.test_start - origin.horizon)]
    answered = labels_of(project, model.name, label_source, asked, origin.test_start)[LABEL]
    known = answered.notna()
    fitted = asked[known].assign(**{LABEL: plain_label(answered[known])})
    effective = fitted[EFFECTIVE_TIME]
    train = fitted[effective <= origin.validate_start - origin.horizon]
    return train.reset_index(drop=True), fitted[effective > origin.validate_start].reset_index(drop=True)
