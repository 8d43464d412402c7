"""Reading a snapshot: its rows, stretch by stretch, and the facts about it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.core.frames import to_frame
from ml_platform.core.hashing import frame_id
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.labels.states import LABEL
from ml_platform.datasets.snapshot.boundaries import PARTS, Boundaries, Part
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.chunks import at_once, read_each
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Snapshot:
    """A training frame as it was read.

    Attributes
    ----------
    frame
        Rows of the stretches that were read, in order of batch run, with ``label``
        (`ml_platform.datasets.model_frame.model_frame` describes the other columns).
    about
        Facts about it: rows and dropped rows, label, columns, share of nulls, boundaries.
    """

    id: str
    frame: pd.DataFrame
    boundaries: Boundaries
    about: Mapping[str, Any]

    @property
    def train(self) -> pd.DataFrame:
        """The rows to fit on."""
        return self.part("train")

    @property
    def validate(self) -> pd.DataFrame:
        """The rows for early stopping and calibration."""
        return self.part("validate")

    @property
    def test(self) -> pd.DataFrame:
        """The rows to judge on."""
        return self.part("test")

    def part(self, name: Part) -> pd.DataFrame:
        """Return the rows of one period, in order."""
        return self.frame.iloc[self.places(name)].reset_index(drop=True)

    def places(self, name: Part) -> slice:
        """Return where the rows of one period are in ``frame``."""
        edges = [np.datetime64(edge.replace(tzinfo=None)) for edge in self.boundaries.stretch(name)]
        effective = self.frame[EFFECTIVE_TIME].to_numpy(dtype="datetime64[us]")
        first, last = np.searchsorted(effective, edges, side="right")
        return slice(int(first), int(last))


def load_snapshot(
    project: Project,
    id: str,
    parts: Sequence[Part] = PARTS,
    about_rows: int | None = None,
    *,
    with_purged: bool = False,
) -> Snapshot:
    """Read a snapshot, checking every chunk against its hash, and all of it against its id.

    Parameters
    ----------
    parts
        Stretches that are wanted; days that only others have rows of are not read.
    about_rows
        How many rows are enough: evenly spread days are read, about as many as hold them, of all weekdays.
    with_purged
        Also return the rows of a period whose label was not settled when the next period began.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    artifact = project.store.get("snapshot", id)
    manifest = SnapshotManifest.of(artifact)
    bounds = Boundaries.read(manifest.boundaries)
    days = _days_of(artifact, bounds, parts)
    if about_rows is not None:
        days = _spread(days, sum(manifest.rows[part] for part in parts), about_rows)
    rows = pa.concat_tables(_checked_days(project, artifact, days))
    kept = [bounds.holds(part, rows[EFFECTIVE_TIME], with_purged=with_purged) for part in parts]
    frame = to_frame(rows.filter(functools.reduce(pc.or_, kept)))
    frame[LABEL] = plain_label(frame[LABEL])
    return Snapshot(id, frame, bounds, artifact.about)


def _checked_days(project: Project, artifact: Artifact, days: Sequence[str]) -> list[pa.Table]:
    """Return the rows of some days, after verifying them with the snapshot's id."""
    read = read_each(project.store, [(artifact.objects[day], None) for day in days])
    read_days = dict(zip(days, at_once(frame_id, read), strict=True))
    manifest = SnapshotManifest.of(artifact)
    recorded = manifest.day_ids
    id = manifest.id_with(dict(sorted((recorded | read_days).items())))
    if id != artifact.id or set(recorded) != set(artifact.objects):
        raise ArtifactDamaged(f"snapshot {artifact.short_id}", artifact.id, id)
    return read


def _days_of(artifact: Artifact, bounds: Boundaries, parts: Sequence[Part]) -> list[str]:
    spans = [[str(edge.date()) for edge in bounds.stretch(part)] for part in parts]
    return [day for day in sorted(artifact.objects) if any(first <= day <= last for first, last in spans)]


def _spread(days: list[str], rows: int, about_rows: int) -> list[str]:
    step = max(-(-rows // about_rows), 1)
    return days[:: step + (step % 7 == 0)]


def plain_label(label: pd.Series[Any]) -> pd.Series[Any]:
    """Return a label that has no null without a type for nulls."""
    plain: dict[str, Any] = {"boolean": bool, "Int64": "int64"}
    return label.astype(plain.get(str(label.dtype), label.dtype))
