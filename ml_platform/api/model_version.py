"""A version of a model as a notebook holds it: its predictions, its test rows, its explanations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.core.errors import NoSuchPrediction
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.registry.resolve import version_named
from ml_platform.storage.versions import Version, all_versions

if TYPE_CHECKING:
    import pandas as pd

    from ml_platform.audit.explain import Explanation
    from ml_platform.project import Project


class ModelVersion:
    """A registered version of a model; ``project.version("late_parcel@1")`` returns one.

    Attributes
    ----------
    model
        The name of the model.
    number
        Counts from 1 within a model.
    id
        The trained model's id.
    registered_at
        When it was registered.

    Examples
    --------
    >>> version = ml_platform.open_project("shop").version("late_parcel@1")
    >>> version, version.model, version.number
    (late_parcel@1, 'late_parcel', 1)
    """

    def __init__(self, project: Project, registered: Version) -> None:
        self._project, self._registered = project, registered
        self.model: str = registered.model
        self.number: int = registered.number
        self.id: str = registered.id
        self.registered_at: datetime = registered.registered_at

    def __repr__(self) -> str:
        return str(self._registered)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelVersion) and (self.model, self.id) == (other.model, other.id)

    def __hash__(self) -> int:
        return hash((self.model, self.id))

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that it was trained on.

        Examples
        --------
        >>> version = ml_platform.open_project("shop").version("late_parcel@1")
        >>> "label" in version.snapshot.train.columns
        True
        """
        return load_snapshot(self._project, self._registered.snapshot)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what this version predicts for rows, as `ml_platform.predict` does. Nothing is logged.

        Parameters
        ----------
        frame
            Columns of the population by their bare names, the entity's key among them, and features as
            ``table.column``. Features that it lacks are looked up as they could be read at the column ``time``, or now.

        Returns
        -------
        pandas.DataFrame
            The rows with the features that were used, the score, the recommended ``action`` and its
            ``expected_value``.

        Raises
        ------
        PredictionError

        Examples
        --------
        >>> import pandas as pd
        >>> version = ml_platform.open_project("shop").version("late_parcel@1")
        >>> orders = pd.DataFrame({"order_id": ["new"], "courier": ["courier_a"], "amount": [20.0], "items": [1]})
        >>> version.predict(orders)["score"].between(0, 1).all()
        np.True_
        """
        from ml_platform.operations.predictions.sent_rows import predict_rows

        return predict_rows(self._project, self._registered, frame, self._project.clock.now())

    def evaluation_rows(self) -> pd.DataFrame:
        """Return its test rows, with what it would have done on each and what that would have earned.

        Returns
        -------
        pandas.DataFrame
            The model's frame with ``label``, then ``score``, ``action``, ``expected_value``, and ``value`` and
            ``do_nothing``: what acting on the prediction and doing nothing earned.

        Raises
        ------
        ArtifactMissing, ArtifactDamaged

        Examples
        --------
        >>> rows = ml_platform.open_project("shop").version("late_parcel@1").evaluation_rows()
        >>> rows[["score", "action", "value", "do_nothing"]].notna().all().all()
        np.True_
        """
        from ml_platform.registry.evaluation.scored_rows import scored_rows

        return scored_rows(self._project, self._registered)

    def explain(self, id: str, what_if: Mapping[str, str] | None = None, rows: int | None = None) -> Explanation:
        """Return the explanation of a prediction that this version logged, as `ml_platform.explain` does.

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
        NoSuchPrediction
            Also where another version made the prediction: the message names it.
        InvalidWhatIf, ArtifactMissing, ArtifactDamaged

        Examples
        --------
        >>> project = ml_platform.open_project("shop")
        >>> id = project.predictions("late_parcel")["prediction_id"].iloc[0]
        >>> project.version("late_parcel@1").explain(id).holds  # reproduced exactly
        True
        """
        from ml_platform.audit import explain as explanation

        explained = explanation.explain(self._project, id, self._project.clock.now(), edits=what_if, rows=rows)
        if (explained.version.model, explained.version.trained_model) != (self.model, self.id):
            maker = explained.version
            raise NoSuchPrediction(id, f"{self} did not make it, but {maker}. Ask {maker} to explain it")
        return explained


class ModelVersions(Mapping[str, ModelVersion]):
    """Every registered version by its name; a notebook completes the names after ``project.versions["``."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def __getitem__(self, name: str) -> ModelVersion:
        return ModelVersion(self._project, version_named(self._project, name))

    def __iter__(self) -> Iterator[str]:
        return (str(version) for version in all_versions(self._project))

    def __len__(self) -> int:
        return len(all_versions(self._project))

    def __repr__(self) -> str:
        return f"versions: {', '.join(self) or 'none'}"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)
