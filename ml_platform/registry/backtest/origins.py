"""Where the origins of a backtest lie, and which rows are fitted at each: those whose labels were known by then."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from ml_platform.core.clock import format_duration
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
_JUDGED = 3
"""Without `every`, at most one of so many days of the snapshot is judged, and the rest is left to be fitted."""


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
    whole = snapshot.end - snapshot.train_start
    every = options.every or min(WEEK, max(whole // (_JUDGED * options.origins) // DAY * DAY, DAY))
    before, validate = whole - options.origins * every, model.split.validate_
    if before < 2 * validate:
        most = (whole - 2 * validate) // every
        remedy = f"Take at most {most} origins" if most >= 2 else "Lengthen split.train, or let every be shorter"
        raise EvaluationError(
            f"{model.name}: {options.origins} origins {format_duration(every)} apart leave {before / DAY:.3g} of the "
            f"snapshot's {whole / DAY:.3g} days to fit, and at least twice split.validate are needed. {remedy}."
        )
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
