"""An ablation: a model without each source and each feature table, and what it earned less on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.figures import BasedFigure, Number
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Part
from ml_platform.storage.manifest import StoredObject


class AblatedPart(Part):
    """One part of a model's inputs.

    Attributes
    ----------
    kind
        A ``source`` means all features that are computed from it, also through derived sources.
    features
        The features that the model was trained without.
    worth
        What a row earned more with them; None where the model cannot be trained without them: `problem` is the reason.
    without
        What a row earned without them, more than doing nothing.
    """

    kind: Literal["source", "feature table", "feature"]
    name: str
    features: Items[str]
    worth: BasedFigure | None = None
    without: Number | None = None
    problem: str | None = None


class AblationManifest(ArtifactKind):
    """What the manifest of an ablation holds.

    Attributes
    ----------
    rows, days
        Test rows that count in money, and days that have one.
    rows_a_day
        Of the whole test period.
    gain
        What a row of the whole model earned more than doing nothing.
    parts
        The worth of each. Their intervals hold together with a probability of 95 %.
    """

    name: ClassVar[str] = "ablation"
    persons = "learnt"
    after_erasure = "erased from the snapshot that was studied: the ablation can no longer be repeated exactly"

    model: str
    task: str
    currency: str
    rows: int
    days: int
    rows_a_day: Number
    start: str
    end: str
    gain: BasedFigure
    parts: Items[AblatedPart]
    notes: Items[str]
    environment: dict[str, str]

    @property
    def row_count(self) -> int:
        """How many rows were judged."""
        return self.rows

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of the snapshot and of every figure. The libraries and the machine do not count."""
        facts = {name: value for name, value in self.as_json().items() if name != "environment"}
        return content_id({**facts, "snapshot": inputs["snapshot"]})
