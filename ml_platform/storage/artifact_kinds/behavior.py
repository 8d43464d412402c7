"""How a version behaves on the test rows of a snapshot: what its actions earned, what its predictions depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Part
from ml_platform.storage.manifest import StoredObject


class ActionOutcome(Part):
    """The rows with one recommended action and one label.

    Attributes
    ----------
    gain
        What they earned more than doing nothing, as a sum.
    missed
        What the best action would have earned more, had the label been known.
    """

    action: str
    label: bool | int | float | str
    rows: int
    gain: float
    missed: float


class InputDependence(Part):
    """The mean prediction at each value of one input.

    Attributes
    ----------
    scores
        Of several classes the probability of the one that the input changes most.
    by_class
        The mean probability of each class, by its name; absent but for several classes.
    """

    column: str
    ordered: bool
    values: Items[Any]
    scores: Items[float]
    by_class: dict[str, Items[float]] | None = None

    @property
    def drawn(self) -> tuple[float, ...]:
        """Every figure that is drawn."""
        return tuple(self.scores) if self.by_class is None else sum(map(tuple, self.by_class.values()), start=())


class BehaviorManifest(ArtifactKind):
    """What the manifest of a behavior holds.

    Attributes
    ----------
    rows, unvalued
        How many test rows are counted, and how many have no payoff.
    sample
        How many rows the dependence is computed from.
    """

    name: ClassVar[str] = "behavior"

    model: str
    currency: str
    rows: int
    unvalued: int
    sample: int
    actions: Items[ActionOutcome]
    dependence: Items[InputDependence]

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of what was looked at, and of what was found."""
        return content_id([dict(sorted(inputs.items())), self.as_json()])
