"""What the catalog shows of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ml_platform.reporting.catalog.node_facts import Declared, Link


@dataclass(frozen=True)
class ModelFeature:
    """A column that a model reads; `importance` is None where the trained model does not have it."""

    name: str
    of: Link
    type: str
    unit: str
    importance: float | None


@dataclass(frozen=True)
class GateFacts:
    """A gate, and the figure that was last compared with its limit."""

    name: str
    limit: str
    figure: float | None
    passed: bool | None


@dataclass(frozen=True)
class Judged:
    """What the last evaluation found: the challenger against doing nothing, in the project's currency."""

    verdict: str
    reasons: tuple[str, ...]
    rows: int
    days: int
    first: datetime
    last: datetime
    figures: Mapping[str, float | None]


@dataclass(frozen=True)
class Champion:
    """The live version, and what it was worth when it was deployed.

    Attributes
    ----------
    refit
        What is deployed and what the evaluation judged, where the version was refitted; else empty.
    """

    version: int
    since: datetime
    actor: str
    reason: str
    figures: Mapping[str, float | None]
    interval: str
    refit: str = ""


@dataclass(frozen=True)
class Monitored:
    """What monitoring found last.

    Attributes
    ----------
    columns
        Those that have drifted.
    undecided
        Those without a verdict, each with the smallest change that would be found.
    unlearned_nulls
        How many predictions are null in a column that had no null in training, by column, in words; empty for none.
    open_since
        When the finding that is open was opened.
    settled, earned, interval
        Predictions whose truth is known, and what they earned beyond doing nothing, with its interval in words.
    """

    at: datetime
    verdict: str
    reason: str
    columns: tuple[str, ...]
    undecided: Mapping[str, str]
    unlearned_nulls: str
    open_since: datetime | None
    settled: int
    earned: float | None
    interval: str


@dataclass(frozen=True)
class ModelFacts:
    """A model.

    Attributes
    ----------
    asked
        The moment at which its predictions are asked for, as it is declared.
    asking
        The sources that the population itself reads.
    age
        How old the newest data of its features can be when it is asked, as a sum; empty where they have no age.
    importances_of
        The trained model that the importances are from; empty where no model has them.
    problems
        Artifacts that should be there and are not.
    """

    name: str
    description: str
    owner: str
    declared: Declared
    task: str
    population: Link
    asking: tuple[Link, ...]
    entity: str
    asked: str
    label: Link
    label_expression: str
    horizon: str
    age: str
    algorithm: str
    baselines: tuple[str, ...]
    transforms: tuple[str, ...]
    split: Mapping[str, str]
    value: Mapping[str, str]
    do_nothing: str
    unit: str
    batch: str
    retraining: str
    watched: str
    versions: int
    champion: Champion | None
    judged: Judged | None
    gates: tuple[GateFacts, ...]
    features: tuple[ModelFeature, ...]
    importances_of: str
    predictions: int
    last_day: str
    last_day_predictions: int
    monitored: Monitored | None
    tables: tuple[str, ...]
    problems: tuple[str, ...]
