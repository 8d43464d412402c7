"""What a person asks for in a notebook: each function takes a project's folder, and names as they are spoken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.datasets.snapshot import read
from ml_platform.datasets.snapshot.diff import SnapshotDiff
from ml_platform.datasets.snapshot.diff import diff_snapshots as diff_artifacts
from ml_platform.datasets.snapshot.find import find_snapshot, list_snapshots
from ml_platform.project import Project, open_project

if TYPE_CHECKING:
    import pandas as pd

    from ml_platform.audit.explain import Explanation


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
    """
    opened = _opened(project)
    return read.load_snapshot(opened, find_snapshot(opened, name).id)


def snapshots(project: Project | Path | str, model: str | None = None) -> pd.DataFrame:
    """Return one row for each snapshot of a project, or of one model, by model and as-of."""
    import pandas as pd

    return pd.DataFrame([item.as_json() for item in list_snapshots(_opened(project), model)])


def diff_snapshots(project: Project | Path | str, first: str, second: str) -> SnapshotDiff:
    """Return what differs between two snapshots, named as in `load_snapshot`."""
    opened = _opened(project)
    return diff_artifacts(opened, find_snapshot(opened, first), find_snapshot(opened, second))


def explain(
    project: Project | Path | str, id: str, what_if: Mapping[str, str] | None = None, rows: int | None = None
) -> Explanation:
    """Return what is known of a logged prediction by now, scored again, with all source rows behind its features.

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
    """
    from ml_platform.audit import explain as explanation

    opened = _opened(project)
    return explanation.explain(opened, id, opened.clock.now(), given=what_if, rows=rows)


def _opened(project: Project | Path | str) -> Project:
    return project if isinstance(project, Project) else open_project(project)
