"""Outcomes of comparisons of served rows, recorded as the node of parity records them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.parity import DifferentValue, ParityManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import record_output


def record_parity(
    project: Project, model: str, trained_id: str, at: datetime, differences: Sequence[DifferentValue] = ()
) -> Artifact:
    """Record that rows of a version were compared, and what differs."""
    about = ParityManifest(
        model=model,
        days=(str(at.date()),),
        logged=20,
        requests=20,
        drawn=300,
        without_history=4,
        differing=len(differences),
        by_column={item.column: 1 for item in differences},
        late=0,
        late_by_table={},
        greatest_lag={},
        erased=0,
        differences=tuple(differences),
    )
    made = project.store.add(about, f"{trained_id}{at}", inputs={"trained_model": trained_id, "online_store": "key"})
    record_output(project.database, f"{model}/parity", "parity", made.id, run="run", at=at)
    return made
