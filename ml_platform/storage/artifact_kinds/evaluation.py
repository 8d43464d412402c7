"""An evaluation: champion, challenger, baselines and doing nothing on the same test rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Figures, Items
from ml_platform.storage.manifest import StoredObject

RIVALS = MappingProxyType({"champion": "trained_model", "anchor": "trained_model"})
"""The roles of versions."""


class EvaluationManifest(ArtifactKind):
    """What the manifest of an evaluation holds.

    Attributes
    ----------
    rows_valued
        How many rows have a value for every contender.
    start, end
        The first and the last batch run of the rows.
    contenders
        The challenger first, each with its figures.
    figures
        Those of the challenger.
    verdict
        ``deploy``, ``keep``, ``deploy none``, or ``same`` for the champion itself.
    curves
        Points of the plots.
    slices
        What the challenger earned on each declared slice of the rows; only where some are declared.
    """

    name: ClassVar[str] = "evaluation"
    roles = RIVALS
    persons = "learnt"
    after_erasure = "erased from the snapshot of this evaluation: its metrics can no longer be recomputed"

    model: str
    task: str
    currency: str
    rows: int
    rows_valued: int
    days: int
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    label: Figures
    contenders: Items[Figures]
    figures: dict[str, float | int | None]
    gates: Items[Figures]
    release: Figures
    verdict: str
    reasons: Items[str]
    notes: Items[str]
    curves: Figures
    slices: Items[Figures] | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: the hash of all its fields, and of what it was made from."""
        return content_id({"about": self.as_json(), "inputs": dict(inputs)})
