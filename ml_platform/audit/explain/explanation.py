"""The facts about one prediction. Everything is a plain value, and `Explanation.as_json` gives JSON types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ml_platform.audit.explain.break_even import BreakEven
from ml_platform.audit.explain.contributions import Contributions
from ml_platform.audit.explain.outcome import PredictionOutcome
from ml_platform.audit.explain.rescoring import Output, Rescored
from ml_platform.audit.explain.source_rows_types import SourceRow, TracedRows
from ml_platform.audit.explain.version_facts import VersionFacts
from ml_platform.audit.explain.what_if import WhatIf

REQUEST = "the request"
"""What asked for a prediction of the service."""


@dataclass(frozen=True)
class ExplainedInput:
    """One column that the predictor read.

    Attributes
    ----------
    value
        As it was logged when the prediction was made.
    recomputed
        The value computed now from the artifacts that the scoring read; `agrees` is whether the two values are the
        same, None where it could not be computed.
    formula
        What a feature is, such as ``mean of minutes_late over 7d``.
    table, tick
        The feature table that it was read from, and the refresh tick; empty for a column of the population.
    source_rows
        The source rows that it follows from.
    """

    name: str
    value: Any
    recomputed: Any
    agrees: bool | None
    formula: str
    unit: str
    table: str
    tick: datetime | None
    source_rows: TracedRows | None


@dataclass(frozen=True)
class Through:
    """A column that no predictor reads, but that gives a feature table its key: it is looked up on the way.

    Attributes
    ----------
    gives
        The key that it gives, such as ``last_stop.dest``.
    """

    name: str
    value: Any
    gives: str
    source_rows: TracedRows | None


@dataclass(frozen=True)
class ActionValue:
    """What an action could be expected to earn, in the project's currency."""

    name: str
    expected: float | None
    recommended: bool


@dataclass(frozen=True)
class PredictedAnswer:
    """What was answered: scores, the recommended action, and what each action was expected to earn.

    Attributes
    ----------
    scores
        By name, as logged: ``score``, or ``score.CLASS`` of several classes.
    break_even
        From which probability on the best action beside doing nothing pays; None where that has no answer.
    taken
        What is known of the action that was taken.
    """

    scores: Mapping[str, float | None]
    predicted: str | None
    action: str | None
    expected_value: float | None
    actions: tuple[ActionValue, ...]
    break_even: BreakEven | None
    taken: str
    currency: str


@dataclass(frozen=True)
class ScoringReads:
    """What the scoring read.

    Attributes
    ----------
    log
        The state of the day's log, an artifact of kind ``predictions``, and the segment in it.
    artifacts
        Ids of sources and feature tables by node; ``sources/NAME`` of a feature table is the state of the source that
        the table was made from.
    exact
        Whether the segment itself records what it read, and by which declarations.
    """

    log: str
    segment: str
    artifacts: Mapping[str, str]
    exact: bool


@dataclass(frozen=True)
class Explanation:
    """One prediction, explained.

    Attributes
    ----------
    through
        Columns that were looked up only to find the entity of another table.
    population
        What asked, as it was known at the batch run: a row, or an entity with the features that made it a member.
    asked_by
        What that is, in words.
    problems
        What could not be determined, and why.
    """

    prediction_id: str
    model: str
    description: str
    key: Mapping[str, Any]
    prediction_time: datetime
    effective_time: datetime
    scored_at: datetime
    answer: PredictedAnswer
    inputs: tuple[ExplainedInput, ...]
    through: tuple[Through, ...]
    population: SourceRow | None
    asked_by: str
    contributions: tuple[Contributions, ...]
    version: VersionFacts
    made: ScoringReads
    rescored: Rescored
    from_features: Rescored | None
    outcome: PredictionOutcome
    what_if: WhatIf | None
    problems: tuple[str, ...]

    @property
    def main_contributions(self) -> Contributions | None:
        """The contributions to show first: of the predicted class, or the only ones."""
        if not self.contributions:
            return None
        named = [item for item in self.contributions if item.of == self.answer.predicted]
        return (named or list(self.contributions))[0]

    @property
    def holds(self) -> bool:
        """Whether all outputs were reproduced exactly, from the logged values and from the recomputed features."""
        return self.rescored.agrees and (self.from_features is None or self.from_features.agrees)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Every output as it was logged and as it was recomputed."""
        return self.rescored.outputs

    def as_json(self) -> dict[str, Any]:
        """Return the explanation in JSON types."""
        from ml_platform.core.plain_values import json_value

        facts: dict[str, Any] = json_value(asdict(self))
        return {**facts, "holds": self.holds}
