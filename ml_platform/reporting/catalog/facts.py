"""What the catalogue tells of a project: plain facts, without a word of HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from ml_platform.core.statistics.distributions import Distribution
from ml_platform.sources.checks.results import Severity, json_value

State = Literal["made", "not made yet", "missing"]


@dataclass(frozen=True)
class Link:
    """Something that the catalogue tells of.

    Attributes
    ----------
    kind
        ``sources``, ``features`` or ``models``: the folder of its declaration.
    column
        One of its columns; empty where all of it is meant.
    """

    kind: str
    name: str
    column: str = ""


@dataclass(frozen=True)
class Use:
    """Who uses a thing, and what as."""

    by: Link
    role: str


@dataclass(frozen=True)
class Declared:
    """A declaration as it is written."""

    file: str
    text: str


@dataclass(frozen=True)
class Standing:
    """What of a source or a feature table is there.

    Attributes
    ----------
    made_at
        When it was last brought up to date.
    newest
        The newest instant that it tells something about.
    problem
        Why facts are missing although it was made.
    """

    state: State
    id: str | None = None
    made_at: datetime | None = None
    rows: int | None = None
    newest: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class CheckFacts:
    """An expectation, and what it found last; `passed` is None where it was never held against rows."""

    name: str
    expects: str
    severity: Severity
    passed: bool | None
    found: str = ""


@dataclass(frozen=True)
class SourceColumn:
    """One column of a source."""

    name: str
    type: str
    unit: str
    description: str
    required: bool
    null_share: float | None
    used_by: tuple[Link, ...]


@dataclass(frozen=True)
class SourceFacts:
    """A source.

    Attributes
    ----------
    known
        When its rows are known, as a sentence.
    ingests
        How often it was read.
    waiting
        How many rows wait to be known, and until when the last of them does.
    notes
        What a person should look at: rows and files that are gone, rows that are known only far ahead.
    """

    name: str
    description: str
    owner: str
    declared: Declared
    reader: str
    key: tuple[str, ...]
    event_timestamp: str
    known: str
    freshness: str
    standing: Standing
    events: tuple[datetime, datetime] | None
    ingests: int
    new_rows: int | None
    waiting: tuple[int, str]
    notes: tuple[str, ...]
    columns: tuple[SourceColumn, ...]
    checks: tuple[CheckFacts, ...]
    used_by: tuple[Use, ...]


@dataclass(frozen=True)
class Importance:
    """A model that uses a column, and how much it makes of it; `rank` counts from 1 among `among` columns.

    Attributes
    ----------
    role
        What it uses the column as, where that is not simply a feature of the same name.
    """

    model: str
    role: str = ""
    share: float | None = None
    rank: int | None = None
    among: int | None = None


@dataclass(frozen=True)
class FeatureColumn:
    """One column of a feature table.

    Attributes
    ----------
    formula
        What it is, as the declaration says it: ``mean of arr_delay``.
    window
        The window's label; empty where there is none.
    made_from
        The source's columns that it is made of.
    null_share
        Of the sampled values.
    """

    name: str
    formula: str
    where: str
    window: str
    type: str
    unit: str
    description: str
    made_from: tuple[Link, ...]
    null_share: float | None
    distribution: Distribution | None
    used_by: tuple[Importance, ...]


@dataclass(frozen=True)
class FeatureTableFacts:
    """A feature table.

    Attributes
    ----------
    availability
        How old its newest data can be, as a sum.
    up_to
        The same in short.
    sampled
        How many values its null shares and pictures rest on.
    """

    name: str
    description: str
    owner: str
    declared: Declared
    entity: str
    keys: tuple[str, ...]
    source: str
    where: str
    refresh: str
    publish_delay: str
    availability: str
    up_to: str
    standing: Standing
    sampled: int
    columns: tuple[FeatureColumn, ...]
    checks: tuple[CheckFacts, ...]
    used_by: tuple[Use, ...]


@dataclass(frozen=True)
class ModelFeature:
    """A column that a model reads; `importance` is None where the trained model does not tell it."""

    name: str
    of: Link
    type: str
    unit: str
    importance: float | None


@dataclass(frozen=True)
class GateFacts:
    """A gate, and the figure that was held against it last."""

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
    """The version in charge, and what it was worth when it was deployed."""

    version: int
    since: datetime
    actor: str
    reason: str
    figures: Mapping[str, float | None]
    interval: str


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
        The moment at which its predictions are asked for, as the declaration says it.
    age
        How old the newest data of its features can be when it is asked, as a sum; empty where they have no age.
    importances_of
        Which trained model told the importances; empty where none did.
    problems
        Artefacts that should be there and are not.
    """

    name: str
    description: str
    owner: str
    declared: Declared
    task: str
    population: Link
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


@dataclass(frozen=True)
class CatalogueFacts:
    """A whole project at an instant."""

    project: str
    description: str
    owner: str
    currency: str
    now: datetime
    sources: tuple[SourceFacts, ...]
    feature_tables: tuple[FeatureTableFacts, ...]
    models: tuple[ModelFacts, ...]

    def as_json(self) -> Any:
        """Return the facts in JSON types."""
        return json_value(asdict(self))
