"""A backtest: a model trained at several past instants, and what it earned after each, by its age."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.figures import BasedFigure, Number
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Part
from ml_platform.storage.manifest import StoredObject


class OriginResult(Part):
    """One origin: the model that was trained on what was known then, on the rows from then to the next origin.

    Attributes
    ----------
    origin, end
        The instant, and where its rows end.
    fitted
        Rows of the train and validate periods whose labels were known at the origin.
    rows
        Rows that count in money.
    gain
        What a row earned more than doing nothing.
    figures
        Metrics on all rows from the origin to its end.
    other_seeds
        The gain of a row with each further seed, on the same rows.
    chosen
        The algorithm, where the declaration lets training choose it.
    """

    origin: str
    end: str
    fitted: int
    rows: int
    gain: BasedFigure
    figures: dict[str, Number | None]
    other_seeds: Items[Number] = ()
    chosen: str | None = None


class AgeResult(Part):
    """Models of one age beside models that were trained just before, on the same rows.

    Attributes
    ----------
    days
        The age: days between the origin of the older model and that of the fresh one.
    rows
        Rows that count in money, of all origins that have a model of this age.
    fresh, aged
        What a row earned more than doing nothing, by the fresh and by the older model.
    loss
        What a row of the older model earned less than one of the fresh model.
    """

    days: Number
    rows: int
    fresh: Number
    aged: Number
    loss: BasedFigure


class ScheduleResult(Part):
    """Retraining as often as this, beside one model for the whole time from the first origin on.

    Attributes
    ----------
    days
        Days between two trainings.
    more
        What is earned more in a week, as the losses by age have it.
    """

    days: Number
    more: BasedFigure


class BacktestManifest(ArtifactKind):
    """What the manifest of a backtest holds.

    Attributes
    ----------
    every_days
        Days between two origins.
    fitted_days, declared_days
        Days of rows before each origin, and days that the declared train and validate periods have.
    rows, days
        Rows that count in money, and days that have one.
    gain
        What a row earned more than doing nothing where the model was retrained at every origin.
    ages, schedules
        In order of time. Their intervals hold together with a probability of 95 %.
    """

    name: ClassVar[str] = "backtest"
    persons = "learnt"
    after_erasure = "erased from the snapshot that was backtested: the backtest can no longer be repeated exactly"

    model: str
    task: str
    currency: str
    every_days: Number
    fitted_days: Number
    declared_days: Number
    seeds: int
    rows: int
    days: int
    gain: BasedFigure
    origins: Items[OriginResult]
    ages: Items[AgeResult]
    schedules: Items[ScheduleResult]
    notes: Items[str]
    environment: dict[str, str]

    @property
    def whole_days(self) -> float:
        """The days from the first origin to the end."""
        return self.every_days * len(self.origins)

    @property
    def row_count(self) -> int:
        """How many rows were judged."""
        return self.rows

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of the snapshot and of every figure. The libraries and the machine do not count."""
        facts = {name: value for name, value in self.as_json().items() if name != "environment"}
        return content_id({**facts, "snapshot": inputs["snapshot"]})
