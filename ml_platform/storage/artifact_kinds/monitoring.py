"""Monitoring of a model at an instant: drift, realized value, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.figures import BasedInterval, MeasuredEffect, Number
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Part
from ml_platform.storage.manifest import StoredObject


class RealizedDay(Part):
    """One UTC day of batch runs; `expected` is None where predictions carry no expectation."""

    day: str
    rows: int
    value: Number
    expected: Number | None
    do_nothing: Number
    expected_nothing: Number | None = None

    @property
    def expected_gain(self) -> float | None:
        """What was expected beyond doing nothing."""
        return _expected_gain(self)


class RealizedSums(Part):
    """What the settled predictions of the batch runs in ``(start, end]`` earned, in the project's currency.

    Attributes
    ----------
    settled, waiting
        Predictions whose label horizon has passed, and those whose has not.
    superseded, late, without_label, without_payoff, undeclared
        Settled predictions that are in no sum.
    late_gain
        What late ones earned beyond doing nothing.
    rows
        Those that the sums are over.
    value, expected, do_nothing, uplift
        What they earned, what was expected of them, what doing nothing would have earned, and the gain over that.
    expected_nothing
        What doing nothing was expected to earn on the rows of `expected`; None where that is `do_nothing` on all rows.
    followed, reported
        On how many rows the recommended action was taken, and how many have a report; None if no source has them.
    interval
        Of `uplift`; None where no prediction has a payoff.
    effect
        Against rows that were held out; None where none was.
    label_states
        How many settled predictions have which state of their label; of the newest window only.
    """

    settled: int
    waiting: int
    superseded: int
    late: int
    late_gain: Number
    without_label: int
    without_payoff: int
    rows: int
    value: Number
    expected: Number | None
    do_nothing: Number
    uplift: Number
    days: Items[RealizedDay]
    start: str
    end: str
    interval: BasedInterval | None = None
    effect: MeasuredEffect | None = None
    followed: int | None = None
    reported: int | None = None
    label_states: dict[str, int] | None = None
    undeclared: int | None = None
    expected_nothing: Number | None = None

    @property
    def expected_gain(self) -> float | None:
        """What was expected beyond doing nothing."""
        return _expected_gain(self)


def _expected_gain(sums: RealizedDay | RealizedSums) -> float | None:
    if sums.expected is None:
        return None
    return sums.expected - (sums.do_nothing if sums.expected_nothing is None else sums.expected_nothing)


class MissedRows(Part):
    """What became of the rows of the population from `start` to `end`: predicted in time, late, or not, by reason."""

    start: str
    end: str
    in_time: int
    late: int
    excluded: dict[str, int]


class ColumnFigures(Part):
    """The drift of one column, as `ml_platform.operations.monitoring.drift_result.ColumnDrift` explains it."""

    column: str
    role: str
    verdict: str
    drifted: bool
    what: str
    expected: Number
    mean: Number
    threshold: Number | None
    ratio: Number
    smallest_visible: str
    by_growth: bool
    note: str
    reference_days: int
    current_rows: int
    reference_missing: Number | None
    current_missing: Number | None
    moved: str


class MonitoringManifest(ArtifactKind):
    """What the manifest of monitoring holds; where no version is deployed, only the first four facts.

    Attributes
    ----------
    verdict
        ``drift``, ``stable``, ``too few rows``, or that no version is deployed.
    window
        The first and the last instant of the window, under ``start`` and ``end``.
    unlearned_nulls
        How many predictions of the window have a null where training had none, by column.
    realized, realized_since
        Realized value in the newest settled window, and since the first deployment.
    finding
        The id of an open finding of drift.
    report
        The path of the page below the project's state.
    """

    name: ClassVar[str] = "monitoring"
    retention = "monitoring"
    roles = MappingProxyType({"champion": "trained_model"})
    persons = "masked"

    model: str
    at: str
    verdict: str
    reason: str
    version: int | None = None
    trained_model: str | None = None
    window: dict[str, str] | None = None
    rows: int | None = None
    columns: Items[ColumnFigures] | None = None
    unlearned_nulls: dict[str, int] | None = None
    currency: str | None = None
    realized: RealizedSums | None = None
    realized_since: RealizedSums | None = None
    missed: MissedRows | None = None
    metrics: dict[str, Number | None] | None = None
    metrics_version: int | None = None
    finding: str | None = None
    report: str | None = None
    report_problem: str | None = None
    erased: int | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: the hash of the figures; the page, which holds random names, takes no part."""
        return content_id(self.as_json())
