"""The population of a source's rows, each of which asks when it becomes known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from ml_platform.core.clock import format_duration
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.populations.population import Population, PopulationColumns
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import ExpressionText, Name, Span


class EventPopulation(Population):
    """One question for each row of a source, at the first batch run that knows it."""

    name: ClassVar[str] = "on"

    on: Name = Field(
        description="The source whose rows ask, each once: at the first batch run that knows it.", examples=["baskets"]
    )
    where: ExpressionText | None = Field(
        None, description="A condition on rows of the source. Other rows do not ask.", examples=["amount >= 50"]
    )
    at_most_once_per: Span | None = Field(
        None,
        description="How long after a question about an entity no other row asks about it. Without it, one row for "
        "each entity and batch run asks.",
        examples=["7d"],
    )

    @property
    def owner(self) -> str:
        """The name of the source."""
        return self.on

    @property
    def asked(self) -> str:
        """Which rows ask, and how often at most."""
        rows = f"when a row of {self.on}{f' where {self.where}' if self.where else ''} becomes known"
        return f"{rows}, at most once per {format_duration(self.at_most_once_per)}" if self.at_most_once_per else rows

    @property
    def conditions(self) -> Sequence[str]:
        """The condition on rows."""
        return () if self.where is None else (self.where,)

    @property
    def roles(self) -> Mapping[str, str]:
        """The source."""
        return {"population_rows": self.on, **super().roles}

    @property
    def asks_at_runs(self) -> bool:
        """True: the batch run that first knows a row is its prediction time."""
        return True

    def node(self, tables: Mapping[str, FeatureTableSpec]) -> NodeName | None:
        """Return the source."""
        return NodeName("source", self.on)

    def columns_of(self, node: NodeName, source: SourceSpec, key: tuple[str, ...]) -> PopulationColumns:
        """Return all columns of the source."""
        return PopulationColumns(self.owner, node, source.columns, source.key)
