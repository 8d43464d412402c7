"""An opened project as a notebook holds it: what is in its stores, by methods whose names a notebook completes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.api import functions, studies
from ml_platform.api.model_version import ModelVersion, ModelVersions
from ml_platform.declarations.load.load import load_project
from ml_platform.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from ml_platform.audit.explain import Explanation
    from ml_platform.datasets.snapshot.read import Snapshot


@dataclass(frozen=True)
class NotebookProject(Project):
    """An opened project. It is a `Project`, so every function that takes a project's folder takes it too.

    Attributes
    ----------
    spec
        The checked declarations.

    Examples
    --------
    >>> project = ml_platform.open_project("shop")
    >>> project.snapshot("late_parcel@1").test["label"].isin([True, False]).all()
    np.True_
    """

    def __repr__(self) -> str:
        return f"{self.spec.file.name}: {', '.join(self.spec.models) or 'no model'}"

    @property
    def versions(self) -> Mapping[str, ModelVersion]:
        """Every registered version by its name, which a notebook completes.

        Examples
        --------
        >>> project = ml_platform.open_project("shop")
        >>> list(project.versions)
        ['late_parcel@1', 'late_parcel@2']
        >>> project.versions["late_parcel@2"].number
        2
        """
        return ModelVersions(self)

    def version(self, name: str) -> ModelVersion:
        """Return a version of a model.

        Parameters
        ----------
        name
            ``MODEL@3``; ``MODEL`` for its champion, ``MODEL@latest`` for the version that was trained last.

        Raises
        ------
        NoSuchVersion

        Examples
        --------
        >>> ml_platform.open_project("shop").version("late_parcel")
        late_parcel@2
        """
        return self.versions[name]

    def snapshot(self, name: str) -> Snapshot:
        """Return a training frame, with its rows as ``.train``, ``.validate`` and ``.test``.

        Parameters
        ----------
        name
            A model, for its last snapshot; ``MODEL@3`` for what version 3 was trained on; the beginning of an id.

        Raises
        ------
        UnknownSnapshot, ArtifactMissing, ArtifactDamaged

        Examples
        --------
        >>> "label" in ml_platform.open_project("shop").snapshot("late_parcel@1").train.columns
        True
        """
        return functions.load_snapshot(self, name)

    def snapshots(self, model: str | None = None) -> pd.DataFrame:
        """Return one row for each snapshot of the project, or of one model, by model and as-of.

        Examples
        --------
        >>> ml_platform.open_project("shop").snapshots("late_parcel")["versions"].tolist()
        [['late_parcel@1'], ['late_parcel@2']]
        """
        return functions.snapshots(self, model)

    def features_at(self, points: pd.DataFrame, features: Sequence[str] = (), model: str | None = None) -> pd.DataFrame:
        """Return points with features as they could be read at their time, as a snapshot of those rows would hold them.

        Only rows count that were known by then: a later correction changes nothing. The feature tables are those of
        the last run.

        Parameters
        ----------
        points
            One row for each, with the key columns of entities, and ``time``: the instant at which features are read,
            now where there is no such column. A snapshot reads those of its rows at ``effective_time``.
        features
            ``table.column``, or a table for all of its columns. By default every table whose key the points have, or
            all features that `model` reads from tables.
        model
            Tables get their keys through the joins of this model, from columns of its population by their bare names.

        Returns
        -------
        pandas.DataFrame
            The points in their order, under their index, with one column ``table.column`` for each feature. Where an
            entity has no row by then, a count is 0, a sum is 0, and the rest is null.

        Raises
        ------
        FrameError, NotMaterialized, PredictionError

        Examples
        --------
        >>> import pandas as pd
        >>> project = ml_platform.open_project("shop")
        >>> times = pd.to_datetime(["2024-02-01T12:00Z", "2024-02-02T12:00Z"])
        >>> points = pd.DataFrame({"courier": ["courier_a", "courier_z"], "time": times})
        >>> found = project.features_at(points, ["courier_recent.parcels_1d", "courier_recent.mean_late_7d"])
        >>> found["courier_recent.mean_late_7d"].isna().tolist()
        [False, True]
        """
        from ml_platform.operations.feature_points import feature_points

        return feature_points(self, points, self.clock.now(), features, model)

    def predictions(self, model: str, start: datetime | None = None, end: datetime | None = None) -> pd.DataFrame:
        """Return logged predictions whose batch run lies in ``(start, end]``, as `ml_platform.predictions` does.

        Examples
        --------
        >>> ml_platform.open_project("shop").predictions("late_parcel")["score"].between(0, 1).all()
        np.True_
        """
        return functions.predictions(self, model, start, end)

    def backtest(
        self, model: str, origins: int | None = None, every: str | None = None, seeds: int | None = None
    ) -> studies.Study:
        """Train a model at several past instants, and return what it earned after each, as `ml_platform.backtest` does.

        Examples
        --------
        >>> project = ml_platform.open_project("shop")
        >>> len(project.backtest("late_parcel", origins=2, every="4d", seeds=1).tables["origins"])
        2
        """
        return studies.backtest(self, model, origins, every, seeds)

    def ablation(self, model: str, features: bool | None = None) -> studies.Study:
        """Return what each source and feature table of a model is worth, as `ml_platform.ablation` does.

        Examples
        --------
        >>> "worth" in ml_platform.open_project("shop").ablation("late_parcel").tables["parts"]
        True
        """
        return studies.ablation(self, model, features)

    def explain(self, id: str, what_if: Mapping[str, str] | None = None, rows: int | None = None) -> Explanation:
        """Return the explanation of a logged prediction, as `ml_platform.explain` does.

        Examples
        --------
        >>> project = ml_platform.open_project("shop")
        >>> project.explain(project.predictions("late_parcel")["prediction_id"].iloc[0]).holds
        True
        """
        return functions.explain(self, id, what_if, rows)


def open_project(directory: Path | str, environ: Mapping[str, str] | None = None) -> NotebookProject:
    """Read and check a project's declarations and return it ready for work; no store is opened yet.

    Parameters
    ----------
    directory
        The folder that holds project.yaml.
    environ
        What ``${NAME}`` in project.yaml refers to; the process's environment by default.

    Raises
    ------
    DeclarationError
        With every fault of every declaration.

    Examples
    --------
    >>> project = ml_platform.open_project("shop")
    >>> sorted(project.spec.models)
    ['late_parcel', 'lateness']
    """
    return NotebookProject(load_project(Path(directory), environ))
