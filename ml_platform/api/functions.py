"""The functions for notebooks: each takes a project's folder, and short names of versions and snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.api.moments import moment_or
from ml_platform.datasets.snapshot import read
from ml_platform.datasets.snapshot.diff import SnapshotDiff
from ml_platform.datasets.snapshot.diff import diff_snapshots as diff_artifacts
from ml_platform.datasets.snapshot.find import find_snapshot, list_snapshots
from ml_platform.operations.population_members import population_members
from ml_platform.project import Project, open_project

if TYPE_CHECKING:
    import pandas as pd

    from ml_platform.audit.explain import Explanation

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def load_snapshot(project: Project | Path | str, name: str) -> read.Snapshot:
    """Return a training frame, with its rows as ``.train``, ``.validate`` and ``.test``.

    Parameters
    ----------
    project
        The project, or its folder.
    name
        A model, for its last snapshot; ``MODEL@3`` for what version 3 was trained on; the beginning of an id.

    Raises
    ------
    UnknownSnapshot, ArtifactMissing, ArtifactDamaged

    Examples
    --------
    >>> snapshot = ml_platform.load_snapshot("shop", "late_parcel@1")
    >>> "label" in snapshot.train.columns
    True
    """
    opened = _opened(project)
    return read.load_snapshot(opened, find_snapshot(opened, name).id)


def snapshots(project: Project | Path | str, model: str | None = None) -> pd.DataFrame:
    """Return one row for each snapshot of a project, or of one model, by model and as-of.

    Raises
    ------
    UnknownModel

    Examples
    --------
    >>> ml_platform.snapshots("shop", "late_parcel")["versions"].tolist()
    [['late_parcel@1'], ['late_parcel@2']]
    """
    import pandas as pd

    return pd.DataFrame([item.as_json() for item in list_snapshots(_opened(project), model)])


def predictions(
    project: Project | Path | str, model: str, start: datetime | None = None, end: datetime | None = None
) -> pd.DataFrame:
    """Return logged predictions whose batch run lies in ``(start, end]``, in the order of their batch runs.

    Parameters
    ----------
    start
        The default is the first prediction.
    end
        The default is the project's clock.

    Returns
    -------
    pandas.DataFrame
        One row for each: ``prediction_id``, the entity's key, ``prediction_time``, ``effective_time``, ``version``,
        ``score``, ``action``, ``expected_value``, and the inputs as they were used. A model with a capacity or a
        control group has ``best_action``, ``capacity_gain``, ``control``, ``propensity``; one with reports ``taken``.

    Raises
    ------
    UnknownModel, InvalidMoment

    Examples
    --------
    >>> logged = ml_platform.predictions("shop", "late_parcel")
    >>> logged["score"].between(0, 1).all()
    np.True_
    """
    from ml_platform.operations.predictions.taken_actions import with_taken
    from ml_platform.storage.prediction_log import read_predictions

    opened = _opened(project)
    opened.require_model(model)
    now = opened.clock.now()
    first = moment_or(start, _LONG_AGO, "predictions", "start")
    last = moment_or(end, now, "predictions", "end")
    return with_taken(opened, model, read_predictions(opened, model, first, last), now)


def predict(project: Project | Path | str, version: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a version predicts for rows. Nothing is logged.

    Parameters
    ----------
    version
        ``MODEL@3``; ``MODEL`` for its champion, ``MODEL@latest`` for the version that was trained last.
    rows
        Columns of the population by their bare names, the entity's key among them, and features as ``table.column``.
        Features that they lack are looked up as they could be read at the column ``time``, or now.

    Returns
    -------
    pandas.DataFrame
        The rows with the features that were used, the score, the recommended ``action`` and its ``expected_value``.

    Raises
    ------
    NoSuchVersion, PredictionError

    Examples
    --------
    >>> test = ml_platform.load_snapshot("shop", "late_parcel@1").test.head(2)
    >>> rows = test[[name for name in test if "." in name]]  # its own columns, and its features
    >>> found = ml_platform.predict("shop", "late_parcel@1", rows)
    >>> found["action"].isin(["upgrade", "wait"]).all()
    np.True_
    """
    from ml_platform.operations.predictions.sent_rows import predict_rows
    from ml_platform.registry.resolve import version_named

    opened = _opened(project)
    return predict_rows(opened, version_named(opened, version), rows, opened.clock.now())


def evaluation_rows(project: Project | Path | str, version: str) -> pd.DataFrame:
    """Return the test rows of a version, with what it would have done on each and what that would have earned.

    Parameters
    ----------
    version
        As in `predict`.

    Returns
    -------
    pandas.DataFrame
        The model's frame with ``label``, then ``score``, ``action``, ``expected_value``, and ``value`` and
        ``do_nothing``: what acting on the prediction and doing nothing earned.

    Raises
    ------
    NoSuchVersion, ArtifactMissing, ArtifactDamaged

    Examples
    --------
    >>> rows = ml_platform.evaluation_rows("shop", "late_parcel@1")
    >>> gain = (rows["value"] - rows["do_nothing"]).sum()
    >>> rows.groupby("action")["value"].mean().index.tolist()
    ['upgrade', 'wait']
    """
    from ml_platform.registry.evaluation.scored_rows import scored_rows
    from ml_platform.registry.resolve import version_named

    opened = _opened(project)
    return scored_rows(opened, version_named(opened, version))


def experiment(
    project: Project | Path | str, name: str, changed: Path | str | None = None, models: Sequence[str] = ()
) -> pd.DataFrame:
    """Try a changed project, or its own folder, on production's data, which is only read; return a row for each model.

    Parameters
    ----------
    models
        Only these models; by default those that the change concerns.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``problem`` (None where it was made), ``live``, ``more`` with its interval ``low`` to ``high``: how
        much more than the live version it earned on the ``rows`` of both; ``trained_model``, ``trained_now``.

    Examples
    --------
    >>> tried = ml_platform.experiment("shop", "as-it-is")
    >>> "late_parcel" in set(tried["model"])
    True
    """
    import pandas as pd

    from ml_platform.operations.experiments.launch import Wanted, run_experiment
    from ml_platform.operations.experiments.listing import experiment_named

    opened, folder = _opened(project), None if changed is None else Path(changed)
    run_experiment(opened, Wanted(name, folder, tuple(models)), datetime.now(UTC))
    return pd.DataFrame(experiment_named(opened, name).summary())


def in_population(
    project: Project | Path | str, model: str, entities: pd.DataFrame, at: datetime | None = None
) -> pd.DataFrame:
    """Return whether entities are in a model's population at a moment, by what has been ingested so far.

    Parameters
    ----------
    entities
        One row for each, with the key columns of the population's entity.
    at
        The moment; the default is the project's clock.

    Returns
    -------
    pandas.DataFrame
        ``in_population``, and ``reason`` where it is false: a key of `ml_platform.datasets.membership.WHY_NOT`.

    Raises
    ------
    UnknownModel, InvalidMoment
    FrameError
        Where the key is missing, or a source or feature table that the population reads was never made.
    PredictionError
        Where a key has another type.

    Examples
    --------
    >>> import pandas as pd
    >>> first = ml_platform.predictions("shop", "late_parcel").head(1)
    >>> entities = pd.DataFrame({"order_id": [first["order_id"].iloc[0], "no such order"]})
    >>> at = first["effective_time"].iloc[0]
    >>> ml_platform.in_population("shop", "late_parcel", entities, at)["in_population"].tolist()
    [True, False]
    """
    opened = _opened(project)
    opened.require_model(model)
    return population_members(opened, model, entities, moment_or(at, opened.clock.now(), "in_population", "at"))


def diff_snapshots(project: Project | Path | str, first: str, second: str) -> SnapshotDiff:
    """Return what differs between two snapshots.

    Parameters
    ----------
    first, second
        Named as in `load_snapshot`.

    Raises
    ------
    UnknownSnapshot, ArtifactMissing, ArtifactDamaged

    Examples
    --------
    >>> found = ml_platform.diff_snapshots("shop", "late_parcel@1", "late_parcel@2")
    >>> found.columns_added, found.days.compared > 0
    ({}, True)
    """
    opened = _opened(project)
    return diff_artifacts(opened, find_snapshot(opened, first), find_snapshot(opened, second))


def explain(
    project: Project | Path | str, id: str, what_if: Mapping[str, str] | None = None, rows: int | None = None
) -> Explanation:
    """Return the explanation of a logged prediction as of now, with its rescoring and all source rows of its features.

    Parameters
    ----------
    id
        ``model.yyyymmdd.hash``.
    what_if
        Other values of inputs, as a person writes them, by column.
    rows
        So many source rows for each feature, the newest first; None gives all.

    Raises
    ------
    NoSuchPrediction, InvalidWhatIf, ArtifactMissing, ArtifactDamaged

    Examples
    --------
    >>> id = ml_platform.predictions("shop", "late_parcel")["prediction_id"].iloc[0]
    >>> explanation = ml_platform.explain("shop", id)
    >>> explanation.holds  # reproduced exactly
    True
    """
    from ml_platform.audit import explain as explanation

    opened = _opened(project)
    return explanation.explain(opened, id, opened.clock.now(), edits=what_if, rows=rows)


def _opened(project: Project | Path | str) -> Project:
    return project if isinstance(project, Project) else open_project(project)
