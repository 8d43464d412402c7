"""One day of a model's prediction log: immutable segments of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from ml_platform.core.hashing import content_id, frame_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Mismatch, Part, Read
from ml_platform.storage.manifest import StoredObject

SEGMENT = "segment_"
"""What the names of objects with rows begin with."""


class Segment(Part):
    """Rows that one scoring appended.

    Attributes
    ----------
    id
        The hash of the rows.
    inputs
        Ids of what they were made from, by node.
    declared
        The name of the object that holds the declarations as they were.
    trained_models
        Ids of the trained models that scored them.
    """

    id: str
    rows: int
    inputs: dict[str, str] | None = None
    declared: str | None = None
    trained_models: Items[str] | None = None


class PredictionsManifest(ArtifactKind):
    """What the manifest of a day of predictions holds.

    Attributes
    ----------
    before_first_deployment
        How many rows were asked about before any version was deployed.
    late
        How many rows became known only after their batch run.
    excluded
        How many rows got no prediction, by reason.
    unlearned_nulls
        How many of the newest rows have a null where training had none, by column.
    """

    name: ClassVar[str] = "predictions"
    is_remade = False
    persons = "rows"
    after_erasure = "erased: these predictions can no longer be explained"

    model: str
    day: str
    rows: int
    segments: Items[Segment]
    before_first_deployment: int = 0
    late: int = 0
    excluded: dict[str, int] = Field(default_factory=dict)
    unlearned_nulls: dict[str, int] = Field(default_factory=dict)

    def links(self, inputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield what the day was made from, and what each of its segments was."""
        yield from super().links(inputs)
        for segment in self.segments:
            yield from super().links(segment.inputs or {})
            yield from (("trained_model", id) for id in segment.trained_models or ())

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: the hash of all its fields."""
        return content_id(self.as_json())

    def contents(self, objects: Mapping[str, StoredObject], read: Read) -> Iterator[Mismatch]:
        """Yield the hash and the number of rows of each segment."""
        for name, segment in zip(segment_objects(objects), self.segments, strict=True):
            rows = read(objects[name])
            yield Mismatch(f"rows of {name}", segment.id, frame_id(rows))
            yield Mismatch(f"the number of rows of {name}", str(segment.rows), str(rows.num_rows))
        yield Mismatch("the number of its rows", str(self.rows), str(sum(item.rows for item in self.segments)))


def segment_objects(names: Iterable[str]) -> list[str]:
    """Return the names of the objects that hold a day's rows, oldest first, as its ``segments`` are listed."""
    return sorted(name for name in names if name.startswith(SEGMENT))
