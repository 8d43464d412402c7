"""What the catalog shows of a feature table and its columns."""

from __future__ import annotations

from dataclasses import dataclass

from ml_platform.core.statistics.distributions import Distribution
from ml_platform.reporting.catalog.node_facts import CheckFacts, Declared, Link, StoredState, Use


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
        What it is, as it is declared: ``mean of arr_delay``.
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
    stored: StoredState
    sampled: int
    columns: tuple[FeatureColumn, ...]
    checks: tuple[CheckFacts, ...]
    used_by: tuple[Use, ...]
