"""An evaluation: champion, challenger, baselines and doing nothing on the same test rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.fairness import FairnessResult
from ml_platform.storage.artifact_kinds.figures import BasedFigure, BasedInterval, IntervalBasis, Number
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Part
from ml_platform.storage.manifest import StoredObject

RuleName = Literal["first", "changed_declaration", "refresh"]


class LabelSpread(Part):
    """How the label is spread: its mean and spread, or how many rows each class has."""

    mean: Number | None = None
    std: Number | None = None
    classes: Items[Annotated[tuple[str, int], Strict(False)]] | None = None


class ChallengerAhead(BasedInterval):
    """How much more the challenger earns a row than another contender, and how sure it is that it earns more."""

    per_row: Number
    probability: Number | None


class ContenderResult(Part):
    """One contender on the test rows.

    Attributes
    ----------
    id
        Of its trained model; None for doing nothing.
    actions
        How many rows got each action; None for a regression.
    challenger_ahead
        Of all but the challenger itself.
    interval
        What the intervals of its figures rest on; of all but doing nothing.
    """

    name: str
    role: str
    id: str | None
    figures: dict[str, Number | None]
    actions: dict[str, int] | None
    challenger_ahead: ChallengerAhead | None = None
    interval: IntervalBasis | None = None

    @property
    def gain(self) -> Number:
        """What it earned over doing nothing on all rows."""
        return self.figures["value_vs_do_nothing"] or 0.0


class GateResult(Part):
    """A gate with its figure, its limit, and whether it holds.

    Attributes
    ----------
    note
        What the figure comes from, such as the libraries that differ.
    """

    name: str
    figure: Number | None
    limit: str
    passed: bool
    note: str | None = None


class Comparison(Part):
    """A challenger against one other contender, on identical rows.

    Attributes
    ----------
    difference, low, high
        How much more the challenger earns a row, with its 95 % interval.
    probability
        How sure it is that it earns more than the other, less `allowed`; None where that cannot be computed.
    allowed
        What it may earn less a row: the rule's margin in money.
    declined
        Why no interval can be given.
    problem
        Why the other could not be run on these rows.
    basis
        What the interval rests on.
    """

    other: str
    difference: Number | None = None
    low: Number | None = None
    high: Number | None = None
    probability: Number | None = None
    allowed: Number = 0.0
    declined: str | None = None
    problem: str | None = None
    basis: IntervalBasis = IntervalBasis()


class RequirementResult(Comparison):
    """A comparison with how sure it must be, and whether it is."""

    confidence: Number
    margin: Number
    passed: bool


class AnchorResult(Part):
    """The anchor, and how sure it is that the challenger earns more; None where it is the challenger itself."""

    id: str
    probability: Number | None


class ReleaseFacts(Part):
    """What a test period showed, apart from the comparisons.

    Attributes
    ----------
    rule
        ``first``, ``changed_declaration`` or ``refresh``.
    days
        The days that have rows.
    gain, champion_gain
        What challenger and champion earned a row above doing nothing; None for a champion that is missing or could
        not be run.
    anchor
        None where there is none.
    """

    rule: RuleName
    days: int
    gain: Number
    champion_gain: Number | None = None
    anchor: AnchorResult | None = None


class ReleaseResult(ReleaseFacts):
    """What was tested with each requirement of the rule, and whether the challenger meets all of them."""

    compared: Items[RequirementResult]
    passed: bool


class TotalsByDay(Part):
    """What each contender earned on each day."""

    days: Items[str]
    totals: dict[str, Items[Number]]


class ScoreHistogram(Part):
    """Row counts in equal bins over the range of the scores."""

    edges: Items[Number]
    rows: Items[int]


class CalibrationBin(Part):
    """Mean score, share of class 1 and rows of one bin."""

    score: Number
    share: Number
    rows: int


class ThresholdValue(Part):
    """Value a row and share of rows acted on, if one acted on every score at or above a threshold."""

    threshold: Number
    value: Number
    acted: Number


class PredictedActual(Part):
    """Mean, 10 % quantile, median and 90 % quantile of the truth in one bin of the prediction."""

    predicted: Number
    actual: Number
    low: Number
    median: Number
    high: Number
    rows: int


class Curves(Part):
    """Points of the plots; a table that the task has not is None."""

    value_by_day: TotalsByDay
    scores: ScoreHistogram | None = None
    calibration: Items[CalibrationBin] | None = None
    value_by_threshold: Items[ThresholdValue] | None = None
    predicted_actual: Items[PredictedActual] | None = None


class SliceResult(Part):
    """One slice of the rows: None for a rival that there is not, or where the slice has no row."""

    name: str
    rows: int
    days: int
    do_nothing: BasedFigure | None = None
    champion: BasedFigure | None = None


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
    slices
        What the challenger earned on each declared slice of the rows; only where some are declared.
    fairness
        How differently groups are acted on; only where a protected column is declared.
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
    label: LabelSpread
    contenders: Items[ContenderResult]
    figures: dict[str, Number | None]
    gates: Items[GateResult]
    release: ReleaseResult
    verdict: str
    reasons: Items[str]
    notes: Items[str]
    curves: Curves
    slices: Items[SliceResult] | None = None
    fairness: Items[FairnessResult] | None = None

    @property
    def basis(self) -> IntervalBasis:
        """What the intervals of the challenger's figures rest on."""
        return self.contenders[0].interval or IntervalBasis()

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: the hash of all its fields, and of what it was made from."""
        return content_id({"about": self.as_json(), "inputs": dict(inputs)})
